//! What a screen reader hears of the client in a real window: `spoken.sh` and `spoken.py` have the steps.

use crate::window::in_a_window;

#[test]
fn a_screen_reader_hears_the_board() {
    in_a_window("spoken.sh");
}
