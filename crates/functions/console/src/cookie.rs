//! The two cookies: of a session, and of a sign-in page.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// Longer ones are none of ours, and are not worth a signature.
const LONGEST: usize = 256;

/// How the cookies of one stack are called and protected.
///
/// Over https the names begin with `__Host-`, which browsers accept for a secure cookie of this host and path `/` alone
/// (<https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes>). The stack is a part of the name, as
/// several may stand behind paths of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieNames {
    session: String,
    sign_in: String,
    is_secure: bool,
}

impl CookieNames {
    /// Of this stack; `is_secure` but on a loopback address, where some browsers refuse secure cookies over http.
    pub(crate) fn new(stack_id: &str, is_secure: bool) -> Self {
        let digest = hex::encode(Sha256::digest(stack_id.as_bytes()));
        let stack = digest.get(..8).unwrap_or_default();
        let prefix = if is_secure { "__Host-" } else { "" };
        Self {
            session: format!("{prefix}cistern-{stack}"),
            sign_in: format!("{prefix}cistern-sign-in-{stack}"),
            is_secure,
        }
    }

    /// The value of the session's cookie in a request.
    pub(crate) fn session<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        find(headers, &self.session)
    }

    /// The value of the sign-in page's cookie in a request.
    pub(crate) fn sign_in<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        find(headers, &self.sign_in)
    }

    /// Sets the session's cookie.
    pub(crate) fn set_session(&self, value: &str, seconds: i64) -> String {
        self.set(&self.session, value, seconds)
    }

    /// Sets the sign-in page's cookie.
    pub(crate) fn set_sign_in(&self, value: &str, seconds: i64) -> String {
        self.set(&self.sign_in, value, seconds)
    }

    /// Takes both away.
    pub(crate) fn clear(&self) -> [String; 2] {
        [
            self.set(&self.session, "", 0),
            self.set(&self.sign_in, "", 0),
        ]
    }

    fn set(&self, name: &str, value: &str, seconds: i64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let value = pairs
        .flat_map(|pairs| pairs.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))?;
    (value.len() <= LONGEST).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_is_of_this_host_stack_and_site_alone() {
        let names = CookieNames::new("arn:stack/a", true);

        assert_eq!(
            names.set_session("value", 5),
            "__Host-cistern-7f54a2d1=value; Path=/; Max-Age=5; HttpOnly; SameSite=Strict; Secure"
                .replace("7f54a2d1", &names.session[15..])
        );
        assert_eq!(&names.session[..15], "__Host-cistern-");
        assert!(
            names.session[15..].len() == 8
                && names.session[15..].bytes().all(|b| b.is_ascii_hexdigit())
        );
        assert_ne!(names, CookieNames::new("arn:stack/b", true));
        assert!(
            names
                .set_sign_in("v", 1)
                .starts_with("__Host-cistern-sign-in-")
        );
    }

    #[test]
    fn on_loopback_it_is_neither_secure_nor_called_so() {
        let set = CookieNames::new("local", false).set_session("value", 5);

        assert!(
            set.starts_with("cistern-") && !set.contains("Secure"),
            "{set}"
        );
        assert!(set.contains("HttpOnly; SameSite=Strict"));
    }

    #[test]
    fn only_the_exact_name_is_found() {
        let names = CookieNames::new("local", false);
        let find = |cookies: &[String]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, cookie.parse().unwrap());
            }
            names.session(&headers).map(str::to_owned)
        };
        let name = names.session.clone();

        assert_eq!(
            find(&[format!("a=1; {name}=v.1; b=2")]),
            Some("v.1".to_owned())
        );
        assert_eq!(
            find(&["a=1".to_owned(), format!("{name}=v")]),
            Some("v".to_owned())
        );
        assert_eq!(find(&[format!("x{name}=v; {name}x=v; {name}")]), None);
        assert_eq!(find(&[format!("{name}={}", "v".repeat(257))]), None);
        assert_eq!(find(&[]), None);
    }
}
