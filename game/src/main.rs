//! The program `game`: reads the command line and runs the client in a window.

use bevy::{
    log::LogPlugin,
    prelude::*,
    render::{RenderPlugin, settings::WgpuSettings},
    window::{MonitorSelection, WindowMode, WindowResolution},
    winit::WinitSettings,
};
use clap::Parser;
use game::args::Args;
use std::process::ExitCode;

/// Exit code for misuse of the command line.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    game::measure::note_start();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let line = text.lines().find(|line| !line.is_empty()).unwrap_or("error: misuse");
            eprintln!("{line} (game --help lists the options)");
            return ExitCode::from(MISUSE);
        }
        Err(help) => help.exit(),
    };
    let fullscreen = args.fullscreen;
    let plugin = match args.into_plugin() {
        Ok(plugin) => plugin,
        Err(line) => {
            eprintln!("error: {line}");
            return ExitCode::from(MISUSE);
        }
    };
    print_one_line_on_panic();
    let synchronous = plugin.dev.screenshot.is_some() || plugin.dev.measure;
    let window = Window {
        title: "Fairmate".into(),
        name: Some("fairmate".into()),
        resolution: WindowResolution::new(1180, 800),
        resize_constraints: WindowResizeConstraints { min_width: 760.0, min_height: 480.0, ..default() },
        mode: if fullscreen {
            WindowMode::BorderlessFullscreen(MonitorSelection::Current)
        } else {
            WindowMode::Windowed
        },
        ..default()
    };
    let mut app = App::new();
    app.add_plugins(
        DefaultPlugins
            .set(WindowPlugin { primary_window: Some(window), ..default() })
            .set(LogPlugin {
                filter: "warn,bevy_audio=off,wgpu=off,wgpu_core=off,wgpu_hal=off,naga=off,winit=off,bevy_winit=error,bevy_render=error".into(),
                ..default()
            })
            .set(RenderPlugin {
                render_creation: WgpuSettings::default().into(),
                synchronous_pipeline_compilation: synchronous,
                ..default()
            }),
    )
    .insert_resource(WinitSettings::continuous())
    .add_plugins(plugin);
    match app.run() {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(code) => ExitCode::from(code.get()),
    }
}

/// A program for players says in one line what is wrong, and no backtrace.
fn print_one_line_on_panic() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "full") {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("unknown error");
        let line = text.lines().next().unwrap_or_default();
        if line.contains("Unable to find a GPU") || line.contains("adapter") {
            eprintln!("error: no graphics card with Vulkan was found (Debian: install mesa-vulkan-drivers)");
        } else if line.contains("event loop") || line.contains("create window") {
            eprintln!("error: no display was found (neither Wayland nor X11)");
        } else {
            eprintln!("error: {line}");
        }
        // The verifier's thread turns a panic into a rejection and goes on.
        if std::thread::current().name() != Some("verifier") {
            std::process::exit(1);
        }
    }));
}
