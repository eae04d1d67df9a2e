//! Which web pages may open a WebSocket. A browser tells the page's origin with the request and doesn't let the page change it;
//! without this check any page that a player visits could play on the server on the player's own machine.

use std::str::FromStr;

/// The origins whose pages may connect. Programs that aren't browsers send none and may always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    any: bool,
    listed: Vec<Origin>,
}

impl AllowedOrigins {
    /// Pages of this machine only (`localhost`, `127.0.0.1`, `[::1]`, whatever the port): the default.
    #[must_use]
    pub fn loopback() -> Self {
        Self::default()
    }

    /// Pages of any origin.
    #[must_use]
    pub fn any() -> Self {
        Self { any: true, listed: Vec::new() }
    }

    /// Allows one more origin.
    #[must_use]
    pub fn and(mut self, origin: Origin) -> Self {
        self.listed.push(origin);
        self
    }

    /// Whether a request with these `Origin` headers may become a WebSocket.
    pub(crate) fn allow<'a>(&self, mut headers: impl Iterator<Item = &'a [u8]>) -> bool {
        let Some(first) = headers.next() else { return true };
        if self.any {
            return true;
        }
        if headers.next().is_some() {
            return false;
        }
        let Some(origin) = std::str::from_utf8(first).ok().and_then(|text| text.parse::<Origin>().ok())
        else {
            return false;
        };
        origin.is_loopback() || self.listed.contains(&origin)
    }
}

/// Scheme, host and port of a web page, for instance `https://play.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin; one looks like https://play.example.org or http://localhost:8080")]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or_else(error)?;
        let usual_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(error()),
        };
        let host_length = if rest.starts_with('[') {
            rest.find(']').ok_or_else(error)? + 1
        } else {
            rest.find(':').unwrap_or(rest.len())
        };
        let (host, port) = rest.split_at(host_length);
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'[' | b']' | b':')
        };
        if host.is_empty() || !host.bytes().all(allowed) {
            return Err(error());
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => usual_port,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| error())?
            }
            _ => return Err(error()),
        };
        Ok(Self { scheme: scheme.to_owned(), host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(allowed: &AllowedOrigins, origins: &[&str]) -> bool {
        allowed.allow(origins.iter().map(|origin| origin.as_bytes()))
    }

    #[test]
    fn pages_of_this_machine_only() {
        let allowed = AllowedOrigins::loopback();
        assert!(allows(&allowed, &[]));
        for good in [
            "http://localhost",
            "http://localhost:8080",
            "https://LocalHost:1",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "https://[::1]",
        ] {
            assert!(allows(&allowed, &[good]), "{good}");
        }
        for bad in [
            "",
            "null",
            "localhost",
            "http://",
            "http://:80",
            "file://localhost",
            "http://localhost.example.org",
            "http://example.org",
            "http://localhost:80@example.org",
            "http://localhost@example.org",
            "http://example.org#localhost",
            "http://localhost/",
            "http://localhost:+1",
            "http://localhost:65536",
            "http://[::1",
            "http://[::1]x",
            "http://[::2]",
            "http://localhost http://example.org",
        ] {
            assert!(!allows(&allowed, &[bad]), "{bad}");
        }
        assert!(!allows(&allowed, &["http://localhost", "http://example.org"]));
        assert!(!allowed.allow([b"http://localhost\xff".as_slice()].into_iter()));
    }

    #[test]
    fn listed_origins_and_any() {
        let allowed = AllowedOrigins::loopback().and("https://play.example.org".parse().unwrap());
        assert!(allows(&allowed, &["https://play.example.org"]));
        assert!(allows(&allowed, &["https://play.example.org:443"]));
        assert!(allows(&allowed, &["http://localhost"]));
        for bad in ["http://play.example.org", "https://play.example.org:444", "https://example.org"] {
            assert!(!allows(&allowed, &[bad]), "{bad}");
        }
        assert!(allows(&AllowedOrigins::any(), &["null"]));
    }
}
