//! One POST, and what every destination makes of it alike.

use std::time::Duration;

use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{DATE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::time::timeout;

use super::Answer;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before load balancers do so: those usually wait 60 seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// The longest answer that is read. One that names a thousand users is a tenth of this.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The client for all requests of a process. Redirects are not followed: a POST would become a GET on the way.
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

/// A header's value that stays out of debug output.
///
/// # Errors
/// When it holds a character that no header may.
pub(super) fn secret_value(secret: &SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose_secret())?;
    value.set_sensitive(true);
    Ok(value)
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// [`Answer::Busy`] when there is no answer, or not all of it: then nobody knows what was taken.
pub(super) async fn post(
    request: RequestBuilder,
    time_limit: Duration,
) -> Result<HttpAnswer, Answer> {
    let exchange = async {
        let response = request.send().await.map_err(|error| lost(&error))?;
        read(response).await
    };
    timeout(time_limit, exchange).await.unwrap_or_else(|_| {
        Err(Answer::Busy {
            retry_after: None,
            detail: format!("no answer within {} ms", time_limit.as_millis()),
        })
    })
}

async fn read(mut response: Response) -> Result<HttpAnswer, Answer> {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            let detail = format!("status {status}, with an answer over {MAX_ANSWER_BYTES} bytes");
            return Err(Answer::Busy {
                retry_after,
                detail,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpAnswer {
        status,
        retry_after,
        body,
    })
}

/// The error's own text names the whole URL, which may hold a key.
fn lost(error: &reqwest::Error) -> Answer {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request broke off"
    };
    Answer::Busy {
        retry_after: None,
        detail: what.to_owned(),
    }
}

/// What a status means by itself. `None` for 2xx and for the ones that speak of the request's content: 400, 409, 422.
pub(super) fn by_status(answer: &HttpAnswer) -> Option<Answer> {
    let detail = format!("status {}", answer.status.as_u16());
    match answer.status.as_u16() {
        200..=299 | 400 | 409 | 422 => None,
        413 => Some(Answer::TooLarge(detail)),
        408 | 425 | 429 | 500.. => Some(Answer::Busy {
            retry_after: answer.retry_after,
            detail,
        }),
        // 401 and 403 are a wrong key; 404, 405, redirects and the like a wrong address.
        _ => Some(Answer::Closed(detail)),
    }
}

/// Seconds, or a date (RFC 9110 section 10.2.3), which is held against the answer's own date: clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let said = text(RETRY_AFTER)?;
    if let Ok(seconds) = said.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| OffsetDateTime::parse(text, &Rfc2822).ok();
    let wait = date(said)? - date(text(DATE)?)?;
    Some(wait.try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> HttpAnswer {
        HttpAnswer {
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
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-3"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn statuses_are_told_apart() {
        for status in [200, 202, 204, 400, 409, 422] {
            assert_eq!(by_status(&answer(status)), None, "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504, 529] {
            assert!(
                matches!(by_status(&answer(status)), Some(Answer::Busy { .. })),
                "{status}"
            );
        }
        for status in [301, 302, 401, 403, 404, 405, 410] {
            assert!(
                matches!(by_status(&answer(status)), Some(Answer::Closed(_))),
                "{status}"
            );
        }
        assert!(matches!(by_status(&answer(413)), Some(Answer::TooLarge(_))));
    }
}
