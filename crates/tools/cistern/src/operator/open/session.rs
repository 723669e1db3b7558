//! Signing in to the console, as its form does.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{
    Response, StatusCode,
    header::{COOKIE, ORIGIN, SET_COOKIE},
};

use crate::{http, stack::Secret};

const LIMIT: Duration = Duration::from_secs(30);

/// The cookies of a new session, in the form of `Set-Cookie`.
///
/// # Errors
/// The console cannot be reached, or does not accept the key.
pub(super) async fn sign_in(base_url: &str, key: &Secret) -> Result<Vec<String>> {
    let client = http::client(LIMIT)?;
    let form_page = client
        .get(format!("{base_url}/console"))
        .send()
        .await
        .context("asking for the console")?;
    ensure!(
        form_page.status() != StatusCode::NOT_FOUND,
        "the stack has no console: `cistern up` redeploys it"
    );
    let cookies = cookies(&form_page);
    let page = form_page.text().await.context("reading the sign-in page")?;
    let token = hidden(&page, "token").context("the console shows no form to sign in with")?;
    let path = hidden(&page, "path").unwrap_or_default();
    let pairs: Vec<&str> = cookies.iter().map(|cookie| pair_of(cookie)).collect();
    let form = [
        ("token", token.as_str()),
        ("path", path.as_str()),
        ("key", key.expose()),
    ];
    let answer = client
        .post(format!("{base_url}/console/sign-in"))
        .header(ORIGIN, base_url)
        .header(COOKIE, pairs.join("; "))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encoded(&form))
        .send()
        .await
        .context("posting the sign-in form")?;
    ensure!(
        answer.status() == StatusCode::SEE_OTHER,
        "the console answered {}",
        answer.status()
    );
    let cookies = self::cookies(&answer);
    ensure!(!cookies.is_empty(), "the console sent no session");
    Ok(cookies)
}

fn cookies(response: &Response) -> Vec<String> {
    let values = response.headers().get_all(SET_COOKIE).iter();
    values
        .filter_map(|value| value.to_str().ok().map(str::to_owned))
        .collect()
}

/// `name=value` of a `Set-Cookie`.
fn pair_of(cookie: &str) -> &str {
    cookie.split(';').next().unwrap_or_default()
}

/// The value of a hidden field of the form. Tokens have no characters that HTML escapes but `&`.
fn hidden(page: &str, name: &str) -> Option<String> {
    let field = page
        .split("<input")
        .find(|field| field.contains(&format!("name=\"{name}\"")))?;
    let (_, rest) = field.split_once("value=\"")?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&"))
}

/// `application/x-www-form-urlencoded`
fn encoded(form: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    out.push(char::from(byte));
                }
                other => {
                    let _infallible = write!(out, "%{other:02X}");
                }
            }
        }
        out
    };
    let pairs = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_from_the_form() {
        let page = r#"<form><input type="hidden" name="token" value="a.b-c"><input name="path" type="hidden" value="/console?a=1&amp;b=2">"#;

        assert_eq!(hidden(page, "token").as_deref(), Some("a.b-c"));
        assert_eq!(hidden(page, "path").as_deref(), Some("/console?a=1&b=2"));
        assert_eq!(hidden(page, "key"), None);
    }

    #[test]
    fn a_form_is_encoded_as_browsers_do() {
        assert_eq!(
            encoded(&[("key", "a b+c&d=ü"), ("t", "x")]),
            "key=a%20b%2Bc%26d%3D%C3%BC&t=x"
        );
        assert_eq!(pair_of("a=b; Path=/; HttpOnly"), "a=b");
    }
}
