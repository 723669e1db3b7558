//! The stack's own HTTP API, as a client with a key uses it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use aws_io::secrets::VersionStage;
use reqwest::{RequestBuilder, Response, StatusCode, header::AUTHORIZATION};
use serde::{Deserialize, de::DeserializeOwned};

use super::target::StackTarget;
use crate::{
    http,
    stack::{Secret, keys},
};

/// Longer than the gateway waits for a function.
const LIMIT: Duration = Duration::from_secs(40);
/// Without the route for SQL, its path belongs to a route that takes no key for SQL.
const SQL_REQUIREMENT: &str =
    "; a deployed stack answers SQL only with the parameter EnableSql=true";
/// The path of the search, which is the end of the output `QueryUrl`.
const SEARCH: &str = "/api/v1/events/message";

/// Outputs with addresses of the HTTP API, and the paths with which they end.
const ORIGINS: [(&str, &str); 4] = [
    ("QueryUrl", SEARCH),
    ("TokenUrl", "/oauth/token"),
    ("ConsoleUrl", "/console"),
    ("TrackUrl", "/track"),
];

/// A client of one stack, with the key of one scope.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: reqwest::Client,
    origin: String,
    key: Secret,
    /// What is appended to commands, so that they mean the same stack.
    suffix: String,
    /// Appended to a refusal by status 403 or 404.
    requirement: &'static str,
}

/// The links of a page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Links {
    next: Option<String>,
}

impl Links {
    /// Whether no page follows.
    pub(super) fn is_last(&self) -> bool {
        self.next.is_none()
    }
}

/// SparkPost's form of an error, in which every route answers, and the form of a gateway, which has a message only.
#[derive(Debug, Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<ErrorItem>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ErrorItem {
    message: String,
    description: Option<String>,
}

impl Api {
    /// The API of the selected stack, with the key of a scope such as `query`.
    ///
    /// # Errors
    /// The stack serves no search, its secret cannot be read, or it has no such key.
    pub(crate) async fn of(target: &StackTarget, scope: &str) -> Result<Self> {
        let (origin, key) = match &target.local {
            Some((_, stack)) => (stack.base_url.clone(), stack.key(scope)?.clone()),
            None => (deployed_origin(target)?, deployed_key(target, scope).await?),
        };
        Ok(Self {
            client: http::client(LIMIT)?,
            origin,
            key,
            suffix: target.suffix.clone(),
            requirement: match scope {
                "sql" if target.local.is_none() => SQL_REQUIREMENT,
                _ => "",
            },
        })
    }

    /// What is appended to a command, so that it means the same stack.
    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// `GET` of a path with parameters.
    ///
    /// # Errors
    /// The stack cannot be reached, or refuses the request.
    pub(crate) async fn get(&self, path: &str, query: &[(String, String)]) -> Result<Response> {
        let request = self.client.get(format!("{}{path}", self.origin));
        self.send(request.query(query)).await
    }

    /// The first page of a list.
    ///
    /// # Errors
    /// As [`Self::get`], or the response is not such a page.
    pub(crate) async fn first_page<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(String, String)],
    ) -> Result<T> {
        read_page(self.get(path, query).await?).await
    }

    /// The page after the one with these links, if there is one.
    ///
    /// # Errors
    /// As [`Self::first_page`].
    pub(super) async fn next_page<T: DeserializeOwned>(&self, links: &Links) -> Result<Option<T>> {
        match &links.next {
            Some(link) => read_page(self.follow(link).await?).await.map(Some),
            None => Ok(None),
        }
    }

    /// `GET` of a link to the next page, which is a path with parameters.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn follow(&self, link: &str) -> Result<Response> {
        // The key must not be sent to another host.
        ensure!(
            link.starts_with('/') && !link.starts_with("//"),
            "the link to the next page is not a path"
        );
        self.send(self.client.get(format!("{}{link}", self.origin)))
            .await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &serde_json::Value,
    ) -> Result<Response> {
        let request = self.client.post(format!("{}{path}", self.origin));
        self.send(request.query(query).json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request
            .header(AUTHORIZATION, self.key.expose())
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| {
                format!(
                    "asking {} (is the stack up? `cistern status{suffix}`)",
                    self.origin,
                    suffix = self.suffix
                )
            })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        let requirement = match status {
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => self.requirement,
            _ => "",
        };
        bail!("{}{requirement}", refusal(status, &body, &self.suffix))
    }
}

async fn read_page<T: DeserializeOwned>(response: Response) -> Result<T> {
    let path = response.url().path().to_owned();
    let page = response.json().await.map_err(reqwest::Error::without_url);
    page.with_context(|| format!("reading a page of {path}"))
}

/// Why a request was refused, in the words of the stack. `suffix` is appended to commands, so that they mean the same stack.
pub(super) fn refusal(status: StatusCode, body: &[u8], suffix: &str) -> String {
    let Errors { errors, message } = serde_json::from_slice(body).unwrap_or_default();
    let reasons: Vec<String> = errors
        .into_iter()
        .map(|item| match item.description {
            Some(description) => format!("{}: {description}", item.message),
            None => item.message,
        })
        .collect();
    let reason = match (reasons.is_empty(), status) {
        (false, _) => reasons.join("; "),
        (true, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            format!("it does not accept the key (`cistern keys{suffix}` prints the current ones)")
        }
        (true, StatusCode::NOT_FOUND) => {
            "it has no such route; an older version may be deployed".to_owned()
        }
        (true, _) => message.unwrap_or_else(|| "without a reason".to_owned()),
    };
    format!("the stack answered {}: {reason}", status.as_u16())
}

/// `https://…` of the URL of the search.
fn origin(query_url: &str) -> Result<String> {
    query_url
        .strip_suffix(SEARCH)
        .map(str::to_owned)
        .with_context(|| format!("the output QueryUrl does not end with {SEARCH}"))
}

/// The origin of a deployed stack's HTTP API.
///
/// # Errors
/// The stack serves no search.
pub(super) fn deployed_origin(target: &StackTarget) -> Result<String> {
    origin(target.output("QueryUrl")?)
}

/// The origin of a deployed stack's HTTP API, whichever pipelines it has; `None` of a version without such an output.
pub(super) fn any_origin(target: &StackTarget) -> Option<String> {
    ORIGINS.iter().find_map(|(output, path)| {
        let url = target.output(output).ok()?;
        url.strip_suffix(path).map(str::to_owned)
    })
}

/// The keys of a deployed stack, by scope.
///
/// # Errors
/// Its secret cannot be read.
pub(super) async fn deployed_keys(target: &StackTarget) -> Result<BTreeMap<String, Secret>> {
    let client = target.aws.secrets();
    keys::of_version(
        &client,
        target.output("KeysSecretArn")?,
        VersionStage::Current,
    )
    .await?
    .context("the stack's secret is empty")
}

async fn deployed_key(target: &StackTarget, scope: &str) -> Result<Secret> {
    let keys = deployed_keys(target).await?;
    keys.get(scope)
        .cloned()
        .with_context(|| format!("the stack has no key for {scope}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_stack() {
        let invalid = br#"{"errors":[{"message":"invalid parameter","description":"from must not be later than to","param":"from"}]}"#;
        for (status, body, expected) in [
            (
                400,
                &invalid[..],
                "the stack answered 400: invalid parameter: from must not be later than to",
            ),
            (
                403,
                b"{\"message\":\"Forbidden\"}",
                "the stack answered 403: it does not accept the key (`cistern keys --stack mail` prints the current ones)",
            ),
            (
                404,
                b"<html>",
                "the stack answered 404: it has no such route; an older version may be deployed",
            ),
            (502, b"", "the stack answered 502: without a reason"),
            (
                429,
                b"{\"message\":\"Too Many Requests\"}",
                "the stack answered 429: Too Many Requests",
            ),
        ] {
            assert_eq!(
                refusal(StatusCode::from_u16(status).unwrap(), body, " --stack mail"),
                expected
            );
        }
    }

    #[test]
    fn origin_is_what_precedes_the_path_of_the_search() {
        assert_eq!(
            origin("https://a.example/api/v1/events/message").unwrap(),
            "https://a.example"
        );
        assert!(origin("https://a.example/").is_err());
    }

    #[tokio::test]
    async fn the_key_goes_to_no_other_host() {
        let api = Api {
            client: http::client(LIMIT).unwrap(),
            origin: "http://127.0.0.1:1".to_owned(),
            key: Secret::new("planted"),
            suffix: String::new(),
            requirement: "",
        };

        for link in [
            "https://evil.example/",
            "//evil.example/",
            ".evil.example/",
            "@evil.example/",
        ] {
            let error = api.follow(link).await.unwrap_err();

            assert!(error.to_string().contains("not a path"), "{link}");
        }
    }
}
