//! SparkPost's Events API, as a client with a key uses it: <https://developers.sparkpost.com/api/events/>.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{
    StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap},
};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::time::sleep;

use super::hours::Hour;
use crate::{
    http::{self, backoff, retry_pause},
    stack::Secret,
    table::printable_lines,
};

/// A page of ten thousand events takes SparkPost seconds.
const LIMIT: Duration = Duration::from_mins(1);
/// Attempts of one request: about five minutes with the pauses between them.
const ATTEMPTS: u32 = 9;
/// The longest pause, also if SparkPost asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
const SEARCH: &str = "/api/v1/events/message";
/// Where links of pages may lead.
const PATHS: &str = "/api/v1/";

/// A client of the API.
#[derive(Debug)]
pub(super) struct EventsApi {
    client: reqwest::Client,
    origin: Url,
    key: Secret,
    per_page: u32,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Read,
    Wait(Duration),
    Fail,
}

impl EventsApi {
    /// A client of the API at `origin`, such as `https://api.sparkpost.com`.
    ///
    /// # Errors
    /// The URL is not one, or would send the key unencrypted to another machine.
    pub(super) fn new(origin: &str, key: Secret, per_page: u32) -> Result<Self> {
        let origin = Url::parse(origin).context("--url is not a URL")?;
        let is_here = matches!(origin.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        ensure!(
            origin.scheme() == "https" || is_here,
            "--url must begin with https://, because the key is sent there"
        );
        Ok(Self {
            client: http::client(LIMIT)?,
            origin,
            key,
            per_page,
        })
    }

    /// The path of the first page of an hour.
    pub(super) fn first_page(&self, hour: Hour) -> String {
        let (from, to) = (minutes(hour.from), minutes(hour.to));
        let per_page = self.per_page;
        format!("{SEARCH}?cursor=initial&from={from}&to={to}&per_page={per_page}")
    }

    /// The path that says how many events a range has.
    pub(super) fn count(from: OffsetDateTime, to: OffsetDateTime) -> String {
        let (from, to) = (minutes(from), minutes(to));
        format!("{SEARCH}?cursor=initial&from={from}&to={to}&per_page=1")
    }

    /// The body of a page. Waits and asks again if SparkPost limits the rate or fails.
    ///
    /// # Errors
    /// SparkPost refuses the request, or does not answer after several attempts.
    pub(super) async fn get(&self, path: &str) -> Result<Vec<u8>> {
        // The key must not be sent to another host.
        ensure!(
            path.starts_with(PATHS) && !path.contains(['\\', '\r', '\n']),
            "the link to the next page does not begin with {PATHS}"
        );
        let url = self
            .origin
            .join(path)
            .context("reading the link to the next page")?;
        let mut attempt = 1;
        loop {
            let sent = self
                .client
                .get(url.clone())
                .header(AUTHORIZATION, self.key.expose())
                .header(ACCEPT, "application/json")
                .send()
                .await;
            let answered = match sent {
                Ok(response) => {
                    let (status, headers) = (response.status(), response.headers().clone());
                    let body = response.bytes().await;
                    body.map(|body| (status, headers, body))
                }
                Err(error) => Err(error),
            };
            let (pause, why) = match answered {
                Ok((status, headers, body)) => match decide(status, &headers, attempt) {
                    Next::Read => return Ok(body.to_vec()),
                    Next::Fail => bail!("{}", refusal(status, &body)),
                    Next::Wait(pause) => (pause, refusal(status, &body)),
                },
                Err(error) => (
                    backoff(attempt, LONGEST_PAUSE),
                    format!("{:#}", anyhow::Error::from(error.without_url())),
                ),
            };
            ensure!(
                attempt < ATTEMPTS,
                "{why}, {ATTEMPTS} times; the same command continues here later"
            );
            eprintln!("{why}; asking again in {} s", pause.as_secs());
            sleep(pause).await;
            attempt += 1;
        }
    }
}

/// SparkPost documents seconds and a zone since 2019, but its own clients send minutes without one, which it always took.
fn minutes(at: OffsetDateTime) -> String {
    let at = at.to_utc();
    format!("{}T{:02}:{:02}", at.date(), at.hour(), at.minute())
}

/// SparkPost recommends to wait 1 to 5 seconds after a 429.
fn decide(status: StatusCode, headers: &HeaderMap, attempt: u32) -> Next {
    match status {
        StatusCode::OK => Next::Read,
        _ => retry_pause(status, headers, attempt, LONGEST_PAUSE).map_or(Next::Fail, Next::Wait),
    }
}

/// Why a request was refused, in SparkPost's words.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        message: String,
    }

    let code = status.as_u16();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return format!(
            "SparkPost answered {code}: the key is wrong, of another region (--url https://api.eu.sparkpost.com), or lacks the \
             permission \"Events Search: Read-only\""
        );
    }
    let reasons = serde_json::from_slice::<Errors>(body).map_or_else(
        |_| "without a reason".to_owned(),
        |errors| {
            let messages = errors.errors.into_iter().map(|item| item.message);
            messages.collect::<Vec<_>>().join("; ")
        },
    );
    format!("SparkPost answered {code}: {}", printable_lines(&reasons))
}

#[cfg(test)]
mod tests {
    use reqwest::header::RETRY_AFTER;
    use time::macros::datetime;

    use super::*;

    fn api(origin: &str) -> Result<EventsApi> {
        EventsApi::new(origin, Secret::new("planted"), 1_000)
    }

    #[test]
    fn the_key_goes_to_https_and_to_this_machine_only() {
        for origin in [
            "https://api.eu.sparkpost.com",
            "http://127.0.0.1:8080",
            "http://localhost:1",
        ] {
            assert!(api(origin).is_ok(), "{origin}");
        }
        for origin in [
            "http://api.sparkpost.com",
            "ftp://127.0.0.1.example",
            "api.sparkpost.com",
            "",
        ] {
            assert!(api(origin).is_err(), "{origin}");
        }
    }

    #[tokio::test]
    async fn links_lead_to_no_other_host() {
        let api = api("http://127.0.0.1:1").unwrap();
        for link in [
            "https://evil.example/api/v1/",
            "//evil.example/api/v1/",
            "/\\evil.example/",
            "/api/v1/\\..",
            "@evil.example/",
            "",
        ] {
            let error = api.get(link).await.unwrap_err();
            assert!(error.to_string().contains("does not begin with"), "{link}");
        }
    }

    #[test]
    fn an_hour_is_asked_for_in_minutes_of_utc() {
        let hour = Hour {
            from: datetime!(2026-01-31 12:05 +01:00),
            to: datetime!(2026-01-31 12:00 UTC),
        };

        assert_eq!(
            api("https://api.sparkpost.com").unwrap().first_page(hour),
            "/api/v1/events/message?cursor=initial&from=2026-01-31T11:05&to=2026-01-31T12:00&per_page=1000"
        );
    }

    #[test]
    fn what_passes_is_waited_for_and_what_does_not_is_an_error() {
        let decided = |status: u16, retry_after: Option<&'static str>, attempt| {
            let mut headers = HeaderMap::new();
            if let Some(value) = retry_after {
                headers.insert(RETRY_AFTER, value.parse().unwrap());
            }
            decide(StatusCode::from_u16(status).unwrap(), &headers, attempt)
        };
        let wait = |seconds| Next::Wait(Duration::from_secs(seconds));

        assert_eq!(decided(200, None, 1), Next::Read);
        assert_eq!(decided(429, Some("7"), 1), wait(7));
        assert_eq!(decided(429, Some("0"), 1), wait(1));
        assert_eq!(decided(429, Some("86400"), 1), wait(120));
        assert_eq!(
            decided(429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), 3),
            wait(4)
        );
        assert_eq!(decided(429, None, 2), wait(2));
        assert_eq!(decided(503, Some("7"), 1), wait(1));
        assert_eq!(decided(500, None, 99), wait(64));
        for status in [204, 301, 400, 401, 403, 404, 422] {
            assert_eq!(decided(status, None, 1), Next::Fail, "{status}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_words_that_help() {
        let told = |status, body: &[u8]| refusal(StatusCode::from_u16(status).unwrap(), body);

        assert!(told(403, b"{}").contains("Events Search: Read-only"));
        assert_eq!(
            told(400, br#"{"errors":[{"message":"This is an error"}]}"#),
            "SparkPost answered 400: This is an error"
        );
        assert_eq!(
            told(502, b"<html>"),
            "SparkPost answered 502: without a reason"
        );
    }
}
