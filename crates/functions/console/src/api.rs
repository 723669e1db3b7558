//! The stack's own HTTP API, of which the console is one client among others.
//!
//! Requests go to the origin of the configuration and to no host that a request names, and redirects are not followed: the key
//! goes nowhere else. What the API says about a mistake is for the person who made it, and never for the log.

use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Response, header, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use tracing::warn;
use url::form_urlencoded;

use crate::{
    answer::{EventPage, Group, RejectedPage, Repaired, Sums},
    config::Origin,
    keys::KeyRing,
};

/// The gateway gives up after 30 s, on us as on the API.
const REQUEST_LIMIT: Duration = Duration::from_secs(26);
/// What a Lambda function may answer, and so the API.
const MOST_BYTES: usize = 6 << 20;

pub(crate) const SEARCH_PATH: &str = "/api/v1/events/message";
pub(crate) const COUNTS_PATH: &str = "/api/v1/events/counts";
pub(crate) const SUMS_PATH: &str = "/api/v1/sums";
pub(crate) const REJECTED_PATH: &str = "/api/v1/rejected";

/// Parameters of a request, in their order.
pub(crate) type Params = Vec<(String, String)>;

/// The API answers no more groups at once.
pub(crate) const MOST_GROUPS: usize = 10_000;

/// Which groups of a count are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    /// All, of dimensions with few values: the API refuses more than [`MOST_GROUPS`].
    All,
    /// So many of the largest, however many there are; at most [`MOST_GROUPS`].
    Largest(usize),
}

impl Groups {
    /// The parameters that ask for them.
    pub(crate) fn params(self) -> Params {
        match self {
            Self::All => Params::new(),
            Self::Largest(limit) => vec![
                ("order".to_owned(), "count".to_owned()),
                ("limit".to_owned(), limit.to_string()),
            ],
        }
    }
}

/// Why the API has no answer for a page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiFailure {
    /// The API said no, and what is wrong.
    #[error("the API answered {status}")]
    Refused {
        status: StatusCode,
        items: Vec<Complaint>,
    },
    /// Nothing came back, or not in time.
    #[error("reaching the API")]
    Unreachable(#[source] reqwest::Error),
    /// What came back is not what the API answers. The reader's own words would quote it.
    #[error("the answer of the API is not understood at line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
    /// More came back than the API can answer.
    #[error("the answer of the API has more than {MOST_BYTES} bytes")]
    TooLong,
    /// The page does not wait for it any longer.
    #[error("waiting for the API")]
    Late,
    /// The key of the API cannot be known.
    #[error("reading the key of the API")]
    Key(#[source] function_kit::BoxError),
}

/// One thing that the API finds wrong, in its words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) description: String,
    pub(crate) param: String,
}

/// A list as the API wrote it.
pub(crate) struct Download {
    pub(crate) bytes: Vec<u8>,
    /// Whether there is a page after it.
    pub(crate) has_more: bool,
}

/// Asks the API.
#[derive(Debug)]
pub(crate) struct Api {
    http: Client,
    origin: Origin,
}

/// The API with the key that opens it, for one request of a browser.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) api: &'a Api,
    pub(crate) keys: &'a KeyRing,
    pub(crate) now: Timestamp,
}

impl Api {
    pub(crate) fn new(origin: Origin) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .timeout(REQUEST_LIMIT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self { http, origin })
    }

    async fn send(&self, path_and_query: &str, key: &SecretString) -> Result<Response, ApiFailure> {
        let sent = self
            .http
            .get(format!("{}{path_and_query}", self.origin.as_str()))
            .header(header::AUTHORIZATION, key.expose_secret())
            .send()
            .await;
        sent.map_err(|error| ApiFailure::Unreachable(error.without_url()))
    }
}

impl Asking<'_> {
    /// A page of a search.
    pub(crate) async fn search(&self, params: &Params) -> Result<EventPage, ApiFailure> {
        let bytes = self.get(&address(SEARCH_PATH, params)).await?.0;
        parse(&bytes)
    }

    /// The events with one id, whenever they happened.
    pub(crate) async fn event(&self, id: &str) -> Result<EventPage, ApiFailure> {
        let bytes = self.get(&event_path(id)).await?.0;
        parse(&bytes)
    }

    /// How many events match, by up to three dimensions.
    pub(crate) async fn counts(
        &self,
        group_by: &[&str],
        params: &Params,
        groups: Groups,
    ) -> Result<Vec<Group>, ApiFailure> {
        let mut params = params.clone();
        params.push(("group_by".to_owned(), group_by.join(",")));
        params.extend(groups.params());
        let bytes = self.get(&address(COUNTS_PATH, &params)).await?.0;
        let counts: Counts = parse(&bytes)?;
        Ok(counts
            .results
            .iter()
            .map(|group| Group::of(group, group_by))
            .collect())
    }

    /// What was received on each day, and what became of it.
    pub(crate) async fn sums(&self, params: &Params) -> Result<Sums, ApiFailure> {
        let bytes = self.get(&address(SUMS_PATH, params)).await?.0;
        parse(&bytes)
    }

    /// A page of what could not be used.
    pub(crate) async fn rejected(&self, params: &Params) -> Result<RejectedPage, ApiFailure> {
        let bytes = self.get(&address(REJECTED_PATH, params)).await?.0;
        parse(&bytes)
    }

    /// Retries or settles rejected items, with a key that a person gave: the console has none that may.
    pub(crate) async fn repair(
        &self,
        action: &str,
        request: &serde_json::Value,
        key: &SecretString,
    ) -> Result<Repaired, ApiFailure> {
        let posted = async {
            let sent = self
                .api
                .http
                .post(format!(
                    "{}{REJECTED_PATH}/{action}",
                    self.api.origin.as_str()
                ))
                .header(header::AUTHORIZATION, key.expose_secret())
                .json(request)
                .send()
                .await
                .map_err(|error| ApiFailure::Unreachable(error.without_url()))?;
            answered(sent).await
        };
        let answer = posted.await;
        if let Err(failure) = &answer {
            failure.log();
        }
        parse(&answer?.0)
    }

    /// A list, as it is.
    pub(crate) async fn download(&self, path_and_query: &str) -> Result<Download, ApiFailure> {
        let (bytes, has_more) = self.get(path_and_query).await?;
        Ok(Download { bytes, has_more })
    }

    /// The bytes of an answer, and whether there is a page after it.
    async fn get(&self, path_and_query: &str) -> Result<(Vec<u8>, bool), ApiFailure> {
        let answer = self.try_get(path_and_query).await;
        if let Err(failure) = &answer {
            failure.log();
        }
        answer
    }

    /// A key that was replaced since it was read is refused; so it is read again, once.
    async fn try_get(&self, path_and_query: &str) -> Result<(Vec<u8>, bool), ApiFailure> {
        let key = self.keys.current(self.now).await.map_err(ApiFailure::Key)?;
        let mut response = self.api.send(path_and_query, &key).await?;
        if matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            let key = self.keys.reread(self.now).await.map_err(ApiFailure::Key)?;
            response = self.api.send(path_and_query, &key).await?;
        }
        answered(response).await
    }
}

/// The bytes of an answer, and whether there is a page after it.
async fn answered(response: Response) -> Result<(Vec<u8>, bool), ApiFailure> {
    let status = response.status();
    let has_more = response.headers().contains_key(header::LINK);
    let bytes = read(response).await?;
    if status == StatusCode::OK {
        Ok((bytes, has_more))
    } else {
        let complaints = serde_json::from_slice::<Complaints>(&bytes).unwrap_or_default();
        Err(ApiFailure::Refused {
            status,
            items: complaints.errors,
        })
    }
}

#[derive(Deserialize)]
struct Counts {
    results: Vec<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Default, Deserialize)]
struct Complaints {
    errors: Vec<Complaint>,
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiFailure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let failure = ApiFailure::Unreadable {
            line: error.line(),
            column: error.column(),
        };
        failure.log();
        failure
    })
}

async fn read(mut response: Response) -> Result<Vec<u8>, ApiFailure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| ApiFailure::Unreachable(error.without_url()))?
    {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(ApiFailure::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A path with a query string.
pub(crate) fn address(path: &str, params: &[(String, String)]) -> String {
    if params.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish();
    format!("{path}?{query}")
}

/// Where the events with one id are; whatever the id holds, it is one segment.
pub(crate) fn event_path(id: &str) -> String {
    format!(
        "{SEARCH_PATH}/{}",
        utf8_percent_encode(id, NON_ALPHANUMERIC)
    )
}

impl ApiFailure {
    /// The status of the page that tells it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Refused { status, .. } => match *status {
                // The person's own mistakes, and what waiting helps against. That our key is refused is not one of them.
                StatusCode::BAD_REQUEST
                | StatusCode::NOT_FOUND
                | StatusCode::URI_TOO_LONG
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::GATEWAY_TIMEOUT => *status,
                _ => StatusCode::BAD_GATEWAY,
            },
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable(error) if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable(_) | Self::Unreadable { .. } | Self::TooLong => {
                StatusCode::BAD_GATEWAY
            }
            Self::Key(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What happened and what to do, in a sentence or two; the API's own words come beside it.
    pub(crate) fn words(&self) -> &'static str {
        match self.status() {
            StatusCode::BAD_REQUEST => {
                "The search is not understood. Change what is named below and search again."
            }
            StatusCode::NOT_FOUND => {
                "There is no such event. Its id may be misspelt, or it is older than what is kept."
            }
            StatusCode::URI_TOO_LONG => {
                "The search is longer than the API takes. Leave out some of the filters."
            }
            StatusCode::TOO_MANY_REQUESTS => {
                "Too many requests at once. Wait a moment, and load the page again."
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                "The database cannot be reached at the moment. Nothing is lost: what arrives waits. Load the page again in a few seconds."
            }
            StatusCode::GATEWAY_TIMEOUT => {
                "The search took too long. Choose a shorter range of time, or narrow it with another filter."
            }
            _ => {
                "The API of this stack did not answer as it should. The log of the console's function has the reason; GET /healthz shows whether the database can be reached."
            }
        }
    }

    /// What the API found wrong.
    pub(crate) fn complaints(&self) -> &[Complaint] {
        match self {
            Self::Refused { items, .. } => items,
            Self::Unreachable(_)
            | Self::Unreadable { .. }
            | Self::TooLong
            | Self::Late
            | Self::Key(_) => &[],
        }
    }

    /// Writes down why, where somebody of the stack must act, without what was looked for and what the API says about it.
    fn log(&self) {
        let status = self.status().as_u16();
        if self.status().is_server_error() {
            warn!(status, error = %function_kit::chain(self), "API has no answer");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_one_segment_and_a_query_reads_back(id in ".{1,20}", name in "[a-z._]{1,8}", value in ".{0,20}") {
            let path = event_path(&id);
            let segment = path.strip_prefix("/api/v1/events/message/").unwrap();
            prop_assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%'));

            let address = address("/x", &[(name.clone(), value.clone())]);
            let query = address.strip_prefix("/x?").unwrap();
            let read: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            prop_assert_eq!(read, vec![(name, value)]);
        }
    }
}
