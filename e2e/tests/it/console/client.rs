//! A client that does what a browser does to sign in: keeps two cookies, and sends a form of the page that it was shown.

use anyhow::{Context as _, Result, ensure};
use reqwest::{RequestBuilder, header, redirect::Policy};

use crate::stack::Stack;

pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
    /// The name of the session's cookie, once it is known, and its value.
    name: String,
    pub(super) session: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) cookies: Vec<String>,
    pub(super) body: String,
}

impl Client {
    pub(super) fn stranger(stack: &Stack) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(std::time::Duration::from_mins(1))
            .build()
            .expect("a client without settings of its own");
        Self {
            http,
            base_url: stack.file.base_url.clone(),
            name: String::new(),
            session: None,
        }
    }

    pub(super) async fn signed_in(stack: &Stack) -> Result<Self> {
        let mut client = Self::stranger(stack);
        let page = client.get("/console").await?;
        let cookie = page
            .cookies
            .first()
            .context("a cookie of the sign-in page")?;
        let field = |name: &str| {
            let marker = format!("name=\"{name}\" value=\"");
            let rest = page.body.split_once(&marker).map(|(_, rest)| rest);
            let value = rest.and_then(|rest| rest.split('"').next());
            value
                .map(str::to_owned)
                .with_context(|| format!("the form has no {name}"))
        };
        let form = format!(
            "token={}&path={}&key={}",
            field("token")?,
            field("path")?.replace('/', "%2F"),
            stack.file.keys.query
        );
        let request = client
            .http
            .post(format!("{}/console/sign-in", client.base_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &client.base_url)
            .header("sec-fetch-site", "same-origin")
            .header("cookie", cookie)
            .body(form);
        let answer = read(request).await?;
        ensure!(
            answer.status == 303,
            "signing in is answered {}",
            answer.status
        );
        client.name = client.session_name().await?;
        let prefix = format!("{}=", client.name);
        let mut set = answer.cookies.iter();
        client.session = set.find_map(|cookie| Some(cookie.strip_prefix(&prefix)?.to_owned()));
        ensure!(client.session.is_some(), "signing in set no session");
        Ok(client)
    }

    /// What this stack calls the cookie of a session, by what it calls that of the sign-in page.
    pub(super) async fn session_name(&self) -> Result<String> {
        let page = self.get_with_cookie("/console", "").await?;
        let cookie = page
            .cookies
            .first()
            .context("a cookie of the sign-in page")?;
        let name = cookie.split('=').next().unwrap_or_default();
        Ok(name.replace("sign-in-", ""))
    }

    pub(super) fn cookie(&self) -> String {
        let value = self.session.as_deref().unwrap_or_default();
        format!("{}={value}", self.name)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Seen> {
        let cookie = self.session.as_ref().map(|_| self.cookie());
        self.get_with_cookie(path, &cookie.unwrap_or_default())
            .await
    }

    /// With this value in the session's cookie.
    pub(super) async fn get_with(&self, path: &str, value: &str) -> Result<Seen> {
        let cookie = match value {
            "" => String::new(),
            value => format!("{}={value}", self.session_name().await?),
        };
        self.get_with_cookie(path, &cookie).await
    }

    /// Fills in the form of a page that posts to its own path, and sends it. The answer leads on or says what is wrong.
    pub(super) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Seen> {
        let page = self.get(path).await?;
        let form = page.body.split_once(&format!("action=\"{path}\""));
        let token = form
            .and_then(|(_, rest)| rest.split_once("name=\"token\" value=\""))
            .and_then(|(_, rest)| rest.split('"').next())
            .with_context(|| format!("{path} has no form of its own: {}", page.body))?;
        let mut form = reqwest::Url::parse("http://form/")?;
        form.query_pairs_mut()
            .append_pair("token", token)
            .extend_pairs(fields);
        let body = form.query().unwrap_or_default().to_owned();
        let request = self
            .http
            .post(format!("{}{path}", self.base_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &self.base_url)
            .header("cookie", self.cookie())
            .body(body);
        read(request).await
    }

    pub(super) async fn get_with_cookie(&self, path: &str, cookie: &str) -> Result<Seen> {
        let request = self.http.get(format!("{}{path}", self.base_url));
        read(match cookie {
            "" => request,
            cookie => request.header("cookie", cookie),
        })
        .await
    }
}

async fn read(request: RequestBuilder) -> Result<Seen> {
    let answer = request.send().await?;
    let headers = answer.headers();
    let text = |value: &header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies
        .map(|cookie| {
            text(cookie)
                .split(';')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    Ok(Seen {
        status: answer.status().as_u16(),
        location: headers.get(header::LOCATION).map(text).unwrap_or_default(),
        cookies,
        body: answer.text().await?,
    })
}
