//! Iterable's own deletion: `POST /api/users/forget`, of every name of the person.
//!
//! It deletes the user's data, within ten minutes, and refuses what arrives of the user later
//! (<https://support.iterable.com/hc/en-us/articles/360029174171>). So it may be called as soon as the forwarder's list has the person:
//! what a forwarder with an older list still sends is refused. Calling it again changes nothing.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::NamesOfPerson;
use crate::{
    http::{self, backoff, retry_pause},
    operator::target::StackTarget,
    stack::Secret,
};

/// The variable with the API's key.
const KEY_VARIABLE: &str = "ITERABLE_API_KEY";
const PATH: &str = "/api/users/forget";
/// The exit code when Iterable did not accept a name.
pub(super) const NOT_FORGOTTEN: u8 = 5;
/// For one call.
const LIMIT: Duration = Duration::from_secs(30);
/// Attempts of one call: about two minutes with the pauses between them.
const ATTEMPTS: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The data centre of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DataCentre {
    /// In the United States
    Iterable,
    /// In the European Union
    IterableEu,
}

impl DataCentre {
    const fn origin(self) -> &'static str {
        match self {
            Self::Iterable => "https://api.iterable.com",
            Self::IterableEu => "https://api.eu.iterable.com",
        }
    }

    /// Where the API is; of the local stack, where its stand-in is.
    pub(super) fn origin_for(self, target: &StackTarget) -> &str {
        match &target.local {
            Some((_, stack)) => &stack.iterable_url,
            None => self.origin(),
        }
    }
}

/// A project of Iterable's.
#[derive(Debug)]
pub(super) struct Project {
    client: reqwest::Client,
    origin: String,
    key: Secret,
}

/// What became of the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    accepted: usize,
    refused: usize,
}

impl Forgotten {
    /// Whether all names are forgotten.
    pub(super) const fn is_all(self) -> bool {
        self.refused == 0
    }
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Done,
    Wait(Duration),
    Fail,
}

impl Project {
    /// The project that the key is of: in a data centre, or in the local stack its stand-in.
    ///
    /// # Errors
    /// When there is no key.
    pub(super) fn of(target: &StackTarget, data_centre: DataCentre) -> Result<Self> {
        let key = env::var(KEY_VARIABLE).unwrap_or_default();
        let key = key.trim();
        ensure!(
            !key.is_empty(),
            "set {KEY_VARIABLE} to a server-side key of the project from which the person is to be deleted"
        );
        Self::new(data_centre.origin_for(target).to_owned(), Secret::new(key))
    }

    fn new(origin: String, key: Secret) -> Result<Self> {
        Ok(Self {
            client: http::client(LIMIT)?,
            origin,
            key,
        })
    }

    /// Asks Iterable to forget each name of the person, and prints the outcome without the names.
    ///
    /// # Errors
    /// When the names are not a person's. What Iterable refuses is counted.
    pub(super) async fn forget(&self, names: &NamesOfPerson) -> Result<Forgotten> {
        let person = names.person()?;
        let addresses = person.addresses().map(|name| ("address", "email", name));
        let ids = person.ids().map(|name| ("user id", "userId", name));
        let mut forgotten = Forgotten::default();
        for (number, (what, field, name)) in (1..).zip(addresses.chain(ids)) {
            let body = json!({ field: name });
            match self.call(&body).await {
                Ok(()) => {
                    forgotten.accepted += 1;
                    eprintln!(
                        "iterable: name {number} ({what}): to be forgotten within ten minutes"
                    );
                }
                Err(why) => {
                    forgotten.refused += 1;
                    eprintln!("iterable: name {number} ({what}): NOT forgotten: {why:#}");
                }
            }
        }
        Ok(forgotten)
    }

    async fn call(&self, body: &Value) -> Result<()> {
        let url = format!("{}{PATH}", self.origin.trim_end_matches('/'));
        let mut attempt = 1;
        loop {
            let request = self.client.post(&url).json(body);
            let sent = request.header("Api-Key", self.key.expose()).send().await;
            let (pause, why) = match sent {
                Ok(response) => {
                    let (status, headers) = (response.status(), response.headers().clone());
                    let body = response.bytes().await.unwrap_or_default();
                    match decide(status, &headers, attempt) {
                        Next::Done => return Ok(()),
                        Next::Wait(pause) => (Some(pause), refusal(status, &body)),
                        Next::Fail => (None, refusal(status, &body)),
                    }
                }
                // The error's text may have the address of the call, and nothing else of it.
                Err(error) => (
                    Some(backoff(attempt, LONGEST_PAUSE)),
                    error.without_url().to_string(),
                ),
            };
            let pause = pause.filter(|_| attempt < ATTEMPTS).context(why)?;
            sleep(pause).await;
            attempt += 1;
        }
    }
}

fn decide(status: StatusCode, headers: &HeaderMap, attempt: u32) -> Next {
    if status.is_success() {
        return Next::Done;
    }
    retry_pause(status, headers, attempt, LONGEST_PAUSE).map_or(Next::Fail, Next::Wait)
}

/// Why a call was refused, by its code alone: Iterable's message may repeat the name.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        code: String,
    }
    let number = status.as_u16();
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return format!(
            "Iterable answered {number}: {KEY_VARIABLE} is wrong, of another data centre, or no server-side key"
        );
    }
    let code = serde_json::from_slice::<Answer>(body).map(|answer| answer.code);
    let is_code = |code: &String| code.chars().all(|c| c.is_ascii_alphabetic());
    match code.ok().filter(is_code) {
        Some(code) => format!("Iterable answered {number} {code}"),
        None => format!("Iterable answered {number}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use iterable_stand_in::{StandIn, serve};
    use reqwest::header::RETRY_AFTER;
    use tokio::net::TcpListener;

    use super::*;

    /// A project at a stand-in, which behaves as this says.
    async fn project(behaviour: Value) -> (Project, StandIn) {
        let stand_in = StandIn::default();
        stand_in.change(serde_json::from_value(behaviour).unwrap());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, stand_in.clone()));
        (Project::new(origin, Secret::new("key")).unwrap(), stand_in)
    }

    fn jane() -> NamesOfPerson {
        NamesOfPerson {
            addresses: vec!["Jane Doe <Jane@x.org>".to_owned()],
            ids: vec!["u-1001".to_owned()],
            deep: false,
        }
    }

    #[tokio::test]
    async fn every_name_is_forgotten_also_if_the_first_calls_fail() {
        let (project, stand_in) = project(json!({
            "api_key": "key", "next": [{"fault": "rate_limited"}, {"fault": "unavailable"}],
        }))
        .await;

        let forgotten = project.forget(&jane()).await.unwrap();

        assert_eq!((forgotten.accepted, forgotten.refused), (2, 0));
        let names = stand_in.behaviour().forgotten_users;
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["jane@x.org", "u-1001"]
        );
        assert!(project.forget(&jane()).await.unwrap().is_all());
    }

    #[tokio::test]
    async fn a_refused_name_does_not_keep_the_others_from_being_forgotten() {
        let (project, stand_in) = project(json!({ "invalid_users": ["jane@x.org"] })).await;

        let forgotten = project.forget(&jane()).await.unwrap();

        assert_eq!((forgotten.accepted, forgotten.refused), (1, 1));
        assert!(!forgotten.is_all());
        assert!(stand_in.behaviour().forgotten_users.contains("u-1001"));
    }

    #[tokio::test]
    async fn a_wrong_key_is_told_and_not_tried_again() {
        let (project, stand_in) = project(json!({ "api_key": "other" })).await;

        let error = project
            .call(&json!({ "userId": "u-1001" }))
            .await
            .unwrap_err();

        assert!(error.to_string().contains(KEY_VARIABLE), "{error}");
        assert_eq!(stand_in.counts().responses[PATH][&401], 1);
    }

    #[test]
    fn what_passes_is_waited_for_and_no_name_is_repeated() {
        let decided = |status: u16, asked: Option<u64>, attempt| {
            let asked = asked.map(|seconds| (RETRY_AFTER, seconds.into()));
            let headers = HeaderMap::from_iter(asked);
            decide(StatusCode::from_u16(status).unwrap(), &headers, attempt)
        };
        let wait = |seconds| Next::Wait(Duration::from_secs(seconds));
        for (status, asked, attempt, expected) in [
            (200, None, 1, Next::Done),
            (202, None, 1, Next::Done),
            (429, Some(7), 1, wait(7)),
            (429, Some(0), 1, wait(1)),
            (429, None, 3, wait(4)),
            (503, None, 2, wait(2)),
            (500, None, 99, wait(60)),
            (400, None, 1, Next::Fail),
            (301, None, 1, Next::Fail),
        ] {
            assert_eq!(decided(status, asked, attempt), expected, "{status}");
        }
        let told = |body: &[u8]| refusal(StatusCode::BAD_REQUEST, body);
        assert_eq!(
            told(br#"{"code":"InvalidUserIdError","msg":"u-1001"}"#),
            "Iterable answered 400 InvalidUserIdError"
        );
        assert_eq!(told(br#"{"code":"no u-1001"}"#), "Iterable answered 400");
    }
}
