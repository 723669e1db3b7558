//! Who may see a page: nobody without a session.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use maud::html;
use tracing::error;

use crate::{
    config::Deps,
    page::{Page, Viewer},
    request_origin::Origin,
    session::{FormTokens, Signer},
    sign_in,
};

/// The route that ends a session, as its form's token names it.
pub(crate) const SIGN_OUT: &str = "sign-out";

/// Lets signed-in people through, with a younger cookie from time to time; all others get the page to sign in.
pub(crate) async fn authenticate(
    State(deps): State<Arc<Deps>>,
    origin: Origin,
    mut request: Request,
    next: Next,
) -> Response {
    let now = (deps.clock)();
    let signer = match signer(&deps).await {
        Ok(signer) => signer,
        Err(response) => return *response,
    };
    let session = deps
        .cookies
        .session(request.headers())
        .and_then(|cookie| signer.session(cookie, now));
    let Some(session) = session else {
        return unknown(&deps, &signer, &request);
    };
    let viewer = Viewer {
        now,
        origin: origin.0.0,
        forms: FormTokens::new(signer.clone(), session.nonce),
    };
    request.extensions_mut().insert(viewer);
    let mut response = next.run(request).await;
    if let Some(renewed) = session.renewed(now) {
        let cookie = deps.cookies.set_session(
            &signer.session_cookie(renewed),
            renewed.remaining_seconds(now),
        );
        set_cookie(&mut response, &cookie);
    }
    response
}

/// The signer under the key of now, or the page that says why there is none.
pub(crate) async fn signer(deps: &Deps) -> Result<Signer, Box<Response>> {
    match deps.keys.current((deps.clock)()).await {
        Ok(key) => Ok(Signer::new(&key, &deps.config.stack_id)),
        Err(failure) => {
            error!(error = %function_kit::chain(&*failure), "keys cannot be read");
            let body = html! {
                h1 { "Not available" }
                div.panel.problem role="alert" { p { "The stack's keys cannot be read right now, so nobody can sign in. Reload in a few seconds. The console function's log has the reason." } }
            };
            let page = Page {
                status: StatusCode::SERVICE_UNAVAILABLE,
                title: "Not available",
                tab: None,
                body,
            };
            Err(Box::new(page.into_public_response(deps)))
        }
    }
}

fn unknown(deps: &Deps, signer: &Signer, request: &Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/console", |path| path.as_str());
    let is_link =
        request.method() == Method::GET && deps.cookies.session(request.headers()).is_none();
    if is_link && is_from_elsewhere(request.headers()) && sign_in::is_path_of_ours(path) {
        return go_on(deps, path);
    }
    let wanted = if request.method() == Method::GET {
        path
    } else {
        "/console"
    };
    sign_in::page(deps, signer, request.headers(), wanted, None)
}

/// Whether a link on another site led here: then the browser keeps a strict cookie back, also when the page is loaded again.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, Some(b"cross-site" | b"same-site"))
}

/// A page that leads to itself. This time the request is our own site's, and the browser sends the cookie; a redirection would not
/// make it so.
fn go_on(deps: &Deps, path: &str) -> Response {
    let body = html! {
        meta http-equiv="refresh" content={ "0;url=" (path) };
        p { a href=(path) { "Continue" } }
    };
    Page {
        status: StatusCode::OK,
        title: "Continue",
        tab: None,
        body,
    }
    .into_public_response(deps)
}

/// Adds a cookie to an answer.
pub(crate) fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
