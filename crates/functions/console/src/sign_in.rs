//! The way in and out.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use function_kit::gateway::Caller;
use maud::html;
use secrecy::SecretString;
use tracing::{error, info};
use url::form_urlencoded;

use crate::{
    config::Deps,
    guard::{SIGN_OUT, set_cookie, signer},
    page::Page,
    request_origin::Origin,
    session::{SIGN_IN_LIMIT, Session, Signer},
};

/// The route, as its form's token names it.
const SIGN_IN: &str = "sign-in";
/// Keys of the stack have 64 characters; an operator's own may be longer.
const LONGEST_KEY: usize = 512;
const HOME: &str = "/console";
const LONGEST_PATH: usize = 2_000;

/// Why nobody is signed in, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// The form is not one that was made for this browser a moment ago.
    Form,
    /// What was given is no key.
    Key,
    /// Too many wrong keys from this address.
    TooOften { wait_seconds: i64 },
}

impl Denial {
    const fn status(self) -> StatusCode {
        match self {
            Self::Form | Self::Key => StatusCode::FORBIDDEN,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// For the log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Form => "form of another page",
            Self::Key => "wrong key",
            Self::TooOften { .. } => "too many wrong keys",
        }
    }
}

/// Whether a path is one to return to: of the console, and of no other host in any reading.
pub(crate) fn is_path_of_ours(path: &str) -> bool {
    let is_below = path == HOME || path.starts_with("/console/") || path.starts_with("/console?");
    is_below
        && path.len() <= LONGEST_PATH
        && !path.contains("//")
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The page that asks for the key, where a page was asked for without a session.
pub(crate) fn page(
    deps: &Deps,
    signer: &Signer,
    headers: &HeaderMap,
    wanted: &str,
    denial: Option<Denial>,
) -> Response {
    let now = (deps.clock)();
    // Several pages may lie open at once: all are bound to one number.
    let nonce = match deps
        .cookies
        .sign_in(headers)
        .and_then(|cookie| signer.sign_in(cookie, now))
    {
        Some(nonce) => nonce,
        None => match (deps.random)() {
            Ok(nonce) => nonce,
            Err(failure) => {
                error!(error = %function_kit::chain(&*failure), "no random numbers");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        },
    };
    let wanted = if is_path_of_ours(wanted) {
        wanted
    } else {
        HOME
    };
    let body = html! {
        section.panel.sign-in {
            h1 { "Sign in" }
            @if let Some(denial) = denial { p.err role="alert" { (words(denial)) } }
            form method="post" action="/console/sign-in" {
                input type="hidden" name="token" value=(signer.form_token(nonce, SIGN_IN));
                input type="hidden" name="path" value=(signer.signed_path(wanted));
                label for="key" { "Key of the scope query" }
                input id="key" name="key" type="password" autocomplete="one-time-code" required maxlength=(LONGEST_KEY) autofocus;
                p.note { "The operator of this stack finds it with " code { "cistern keys" } ". The browser keeps a session, not the key; it ends after eight hours, or after an hour without use." }
                button.main type="submit" { "Sign in" }
            }
        }
    };
    let status = denial.map_or(StatusCode::FORBIDDEN, Denial::status);
    let mut response = Page {
        status,
        title: "Sign in",
        tab: None,
        body,
    }
    .into_public_response(deps);
    let seconds = i64::try_from(SIGN_IN_LIMIT.as_secs()).unwrap_or_default();
    set_cookie(
        &mut response,
        &deps
            .cookies
            .set_sign_in(&signer.sign_in_cookie(now, nonce), seconds),
    );
    if let Some(Denial::TooOften { wait_seconds }) = denial {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait_seconds));
    }
    response
}

fn words(denial: Denial) -> String {
    match denial {
        Denial::Form => "This page lay open for more than ten minutes, or the browser keeps no cookies. Give the key again.".to_owned(),
        Denial::Key => "This is not the key of the scope query, or it has been replaced.".to_owned(),
        Denial::TooOften { wait_seconds } => format!("Too many wrong keys from this address. Wait {wait_seconds} seconds."),
    }
}

/// `POST /console/sign-in`.
pub(crate) async fn sign_in(
    State(deps): State<Arc<Deps>>,
    origin: Origin,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signer = match signer(&deps).await {
        Ok(signer) => signer,
        Err(response) => return *response,
    };
    let address = caller
        .map(|Extension(caller)| caller.source_ip)
        .unwrap_or_default();
    let form = fields(&body);
    let wanted = form
        .get("path")
        .and_then(|path| signer.path(path))
        .filter(|path| is_path_of_ours(path))
        .unwrap_or(HOME);
    match admit(&deps, &signer, &origin, &headers, &form, &address).await {
        Ok(session) => {
            let mut response =
                (StatusCode::SEE_OTHER, [(header::LOCATION, wanted)]).into_response();
            for cookie in deps.cookies.clear().iter().skip(1) {
                set_cookie(&mut response, cookie);
            }
            let remaining = session.remaining_seconds(session.issued);
            set_cookie(
                &mut response,
                &deps
                    .cookies
                    .set_session(&signer.session_cookie(session), remaining),
            );
            info!("signed in");
            response
        }
        Err(Refusal::Denied(denial)) => {
            // The words that an alarm counts.
            info!(
                status = denial.status().as_u16(),
                reason = denial.reason(),
                "request denied"
            );
            page(&deps, &signer, &headers, wanted, Some(denial))
        }
        Err(Refusal::Failed(failure)) => {
            error!(error = %function_kit::chain(&*failure), "sign-in failed");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

enum Refusal {
    Denied(Denial),
    Failed(function_kit::BoxError),
}

/// Looks at the cheap things first: no key is compared for a form that is none of ours.
async fn admit(
    deps: &Deps,
    signer: &Signer,
    origin: &Origin,
    headers: &HeaderMap,
    form: &HashMap<String, String>,
    address: &str,
) -> Result<Session, Refusal> {
    let now = (deps.clock)();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let nonce = deps
        .cookies
        .sign_in(headers)
        .and_then(|cookie| signer.sign_in(cookie, now));
    if !origin.0.posted(headers)
        || !nonce.is_some_and(|nonce| signer.is_form_token(nonce, SIGN_IN, field("token")))
    {
        return Err(Refusal::Denied(Denial::Form));
    }
    if let Some(wait_seconds) = deps.throttle.wait_seconds(address, now) {
        return Err(Refusal::Denied(Denial::TooOften { wait_seconds }));
    }
    // A key that was copied brings white space along.
    let key = field("key").trim();
    let opens = !key.is_empty()
        && key.len() <= LONGEST_KEY
        && deps
            .keys
            .opens(&SecretString::from(key), now)
            .await
            .map_err(Refusal::Failed)?;
    if !opens {
        deps.throttle.failed(address, now);
        return Err(Refusal::Denied(Denial::Key));
    }
    let nonce = (deps.random)().map_err(Refusal::Failed)?;
    Ok(Session {
        started: now,
        issued: now,
        nonce,
    })
}

/// `POST /console/sign-out`. The session is taken from the browser; nothing is kept here that could end it everywhere.
pub(crate) async fn sign_out(
    State(deps): State<Arc<Deps>>,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signer = match signer(&deps).await {
        Ok(signer) => signer,
        Err(response) => return *response,
    };
    let session = deps
        .cookies
        .session(&headers)
        .and_then(|cookie| signer.session(cookie, (deps.clock)()));
    let form = fields(&body);
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    let is_ours = origin.0.posted(&headers)
        && session.is_none_or(|session| signer.is_form_token(session.nonce, SIGN_OUT, token));
    if !is_ours {
        info!(
            status = 403,
            reason = Denial::Form.reason(),
            "request denied"
        );
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, HOME)]).into_response();
    for cookie in deps.cookies.clear() {
        set_cookie(&mut response, &cookie);
    }
    response
}

fn fields(body: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(body).into_owned().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_return_to_are_of_the_console_alone() {
        let table = [
            ("/console", true),
            ("/console?from=-7d", true),
            ("/console/events?recipients=a%40b.c&from=-7d", true),
            ("/consoles", false),
            ("/", false),
            ("", false),
            ("//evil.example/console/", false),
            ("/console//evil.example", false),
            ("/console/\\evil.example", false),
            ("\\\\evil.example", false),
            ("https://evil.example/console/", false),
            ("/console/a b", false),
            ("/console/\r\nx", false),
            ("javascript:alert(1)", false),
        ];
        for (path, expected) in table {
            assert_eq!(is_path_of_ours(path), expected, "{path:?}");
        }
        assert!(!is_path_of_ours(&format!("/console/{}", "a".repeat(2_000))));
    }
}
