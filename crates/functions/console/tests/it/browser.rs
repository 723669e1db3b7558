//! A console and what a browser does with it: keeps cookies, follows forms.

use std::sync::Arc;

use aws_io::Aws;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use console::{Config, Deps, KeySource, QueryKeys, router};
use function_kit::{BoxError, Env, gateway::Caller};
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use tower::ServiceExt;

use crate::api::{Api, KEY};

pub(crate) const ORIGIN: &str = "https://console.example";
pub(crate) const STACK: &str = "arn:aws:cloudformation:eu-west-1:1:stack/mail/one";

/// Noon, when everything happens.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// The keys of a stack, or none that can be read.
#[derive(Debug)]
pub(crate) struct Keys(pub(crate) Option<QueryKeys>);

impl KeySource for Keys {
    fn read(&self) -> BoxFuture<'_, Result<QueryKeys, BoxError>> {
        Box::pin(async { self.0.clone().ok_or_else(|| "no secret".into()) })
    }
}

pub(crate) fn keys(current: &str) -> Keys {
    Keys(Some(QueryKeys {
        current: SecretString::from(current),
        previous: Some(SecretString::from("the-key-before")),
    }))
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|cookie| cookie.to_str().unwrap())
            .collect()
    }

    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let marker = format!("name=\"{name}\" value=\"");
        let rest = self
            .body
            .split_once(&marker)
            .unwrap_or_else(|| panic!("no field {name}: {}", self.body))
            .1;
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }

    /// The first address of a link that holds a text.
    pub(crate) fn link(&self, part: &str) -> String {
        let mut links = self
            .body
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        links
            .find(|link| link.contains(part))
            .unwrap_or_else(|| panic!("no link to {part}: {}", self.body))
            .replace("&amp;", "&")
    }

    /// What a person reads, without tags.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for piece in self.body.split('<') {
            text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
        }
        text.replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
            .replace('\u{202f}', " ")
    }
}

/// AWS at an address. Tests make browsers where they cannot wait.
pub(crate) fn aws(endpoint: &str) -> Aws {
    let endpoint = endpoint.to_owned();
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Aws::local(&endpoint))
    });
    made.join().unwrap()
}

/// One browser before one console.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) address: &'static str,
}

impl Browser {
    pub(crate) fn before(api: &Api) -> Self {
        Self::of(&api.origin, STACK, keys(KEY), now)
    }

    pub(crate) fn of(api: &str, stack: &str, keys: Keys, clock: fn() -> Timestamp) -> Self {
        Self::with_aws(api, stack, keys, clock, "http://127.0.0.1:1", &[])
    }

    /// The same with services of AWS at an address, and the settings that lead to them.
    pub(crate) fn with_aws(
        api: &str,
        stack: &str,
        keys: Keys,
        clock: fn() -> Timestamp,
        endpoint: &str,
        more: &[(&str, &str)],
    ) -> Self {
        let settings = [
            ("KEYS_SECRET_ARN", "arn"),
            ("API_ORIGIN", api),
            ("PUBLIC_ORIGIN", ORIGIN),
            ("STACK_ID", stack),
        ];
        let all: Vec<_> = settings.iter().chain(more).copied().collect();
        let config = Config::from_env(&Env::from_pairs(all)).unwrap();
        let router = router(Deps::with(config, Arc::new(keys), &aws(endpoint), clock).unwrap());
        Self {
            router,
            cookies: Vec::new(),
            address: "192.0.2.7",
        }
    }

    /// The same browser before another console.
    pub(crate) fn moved_to(&self, other: &Self) -> Self {
        Self {
            router: other.router.clone(),
            ..self.clone()
        }
    }

    /// Signed in.
    pub(crate) async fn signed_in(api: &Api) -> Self {
        let mut browser = Self::before(api);
        let answer = browser.sign_in("/console", KEY).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }

    /// Asks for a page, and fills in the form that comes instead.
    pub(crate) async fn sign_in(&mut self, path: &str, key: &str) -> Seen {
        let form = self.get(path).await;
        let fields = [
            ("token", form.field("token")),
            ("path", form.field("path")),
            ("key", key.to_owned()),
        ];
        self.post(
            "/console/sign-in",
            &fields,
            &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")],
        )
        .await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Seen {
        self.send("GET", path, headers, String::new()).await
    }

    pub(crate) async fn post(
        &mut self,
        path: &str,
        fields: &[(&str, String)],
        headers: &[(&str, &str)],
    ) -> Seen {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &[&form, headers].concat(), body)
            .await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", pairs.join("; "));
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(Caller {
            source_ip: self.address.to_owned(),
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let seen = Seen {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        };
        for cookie in seen.cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        seen
    }

    /// The value of the session's cookie.
    pub(crate) fn session(&self) -> Option<&str> {
        self.cookies
            .iter()
            .find(|(name, _)| !name.contains("sign-in"))
            .map(|(_, value)| value.as_str())
    }
}

/// An event of so many minutes ago.
pub(crate) fn event(kind: &str, id: u64, minutes_ago: i64) -> Value {
    let time = Timestamp::from_second(now().as_second() - minutes_ago * 60).unwrap();
    serde_json::json!({
        "type": kind,
        "event_id": id.to_string(),
        "message_id": format!("m{}", id / 10),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "rcpt_to": "ada@example.com",
        "recipient_domain": "example.com",
        "subject": "Twelve books",
        "campaign_id": "winter",
    })
}
