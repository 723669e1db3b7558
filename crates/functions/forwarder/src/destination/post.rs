//! One POST, and the meaning of its status for every destination.

use std::time::Duration;

use reqwest::{
    Client, RequestBuilder, StatusCode,
    header::{DATE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::time::timeout;

use super::Response;

/// The connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before load balancers close them, usually after 60 seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// The longest wait that a destination can request: longer than every run, and short enough to be added to any time.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);
/// The longest response that is read. One that names a thousand users is a tenth of this.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// The client for all requests of a process. Redirects are not followed: they would turn a POST into a GET.
///
/// # Errors
/// When the system's certificates cannot be read.
pub fn http_client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("cistern/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A header's value that is hidden in debug output.
///
/// # Errors
/// When it has a character that a header cannot have.
pub(super) fn secret_value(secret: &SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose_secret())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A response as received.
#[derive(Debug)]
pub(super) struct HttpResponse {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Sends a request and reads the whole response.
///
/// # Errors
/// [`Response::Transient`] if there is no complete response: then it is unknown what was accepted.
pub(super) async fn post(
    request: RequestBuilder,
    time_limit: Duration,
) -> Result<HttpResponse, Response> {
    let exchange = async {
        let response = request.send().await.map_err(|error| lost(&error))?;
        read(response).await
    };
    timeout(time_limit, exchange).await.unwrap_or_else(|_| {
        Err(Response::Transient {
            retry_after: None,
            detail: format!("no response within {} ms", time_limit.as_millis()),
        })
    })
}

async fn read(mut response: reqwest::Response) -> Result<HttpResponse, Response> {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            let detail =
                format!("status {status}, with a response over {MAX_RESPONSE_BYTES} bytes");
            return Err(Response::Transient {
                retry_after,
                detail,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse {
        status,
        retry_after,
        body,
    })
}

/// The error's own text has the whole URL, which may contain a key.
fn lost(error: &reqwest::Error) -> Response {
    let what = if error.is_timeout() {
        "no response in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the response was interrupted"
    } else {
        "the request was interrupted"
    };
    Response::Transient {
        retry_after: None,
        detail: what.to_owned(),
    }
}

/// The meaning of a status by itself. `None` for 2xx and for those about the request's content: 400, 409, 422.
pub(super) fn by_status(response: &HttpResponse) -> Option<Response> {
    let detail = format!("status {}", response.status.as_u16());
    match response.status.as_u16() {
        200..=299 | 400 | 409 | 422 => None,
        413 => Some(Response::TooLarge(detail)),
        408 | 425 | 429 | 500.. => Some(Response::Transient {
            retry_after: response.retry_after,
            detail,
        }),
        // 401 and 403 mean a wrong key; 404, 405, redirects and the like a wrong URL.
        _ => Some(Response::Misconfigured(detail)),
    }
}

/// Seconds, or a date (RFC 9110 section 10.2.3), which is compared with the response's own date: clocks differ. At most
/// [`LONGEST_RETRY_AFTER`].
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let said = text(RETRY_AFTER)?;
    let is_number = !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        Duration::from_secs(said.parse().unwrap_or(u64::MAX))
    } else {
        let date = |text: &str| OffsetDateTime::parse(text, &Rfc2822).ok();
        let wait = date(said)? - date(text(DATE)?)?;
        wait.try_into().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> HttpResponse {
        HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body: Vec::new(),
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |said: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, said.parse().unwrap());
            headers.insert(DATE, "Thu, 01 Jan 2026 12:00:00 GMT".parse().unwrap());
            retry_after(&headers)
        };

        assert_eq!(wait(" 17 "), Some(Duration::from_secs(17)));
        assert_eq!(
            wait("Thu, 01 Jan 2026 12:00:30 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(wait("Thu, 01 Jan 2026 11:00:00 GMT"), Some(Duration::ZERO));
        for endless in [
            "86401",
            "18446744073709551615",
            "99999999999999999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(wait(endless), Some(LONGEST_RETRY_AFTER), "{endless}");
        }
        assert_eq!(wait("soon"), None);
        assert_eq!(wait(""), None);
        assert_eq!(wait("-3"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn statuses_are_distinguished() {
        for status in [200, 202, 204, 400, 409, 422] {
            assert_eq!(by_status(&response(status)), None, "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504, 529] {
            assert!(
                matches!(
                    by_status(&response(status)),
                    Some(Response::Transient { .. })
                ),
                "{status}"
            );
        }
        for status in [301, 302, 401, 403, 404, 405, 410] {
            assert!(
                matches!(
                    by_status(&response(status)),
                    Some(Response::Misconfigured(_))
                ),
                "{status}"
            );
        }
        assert!(matches!(
            by_status(&response(413)),
            Some(Response::TooLarge(_))
        ));
    }
}
