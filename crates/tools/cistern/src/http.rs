//! The one kind of HTTP client used here, and when its requests are repeated.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

/// A client that goes where it is told: no proxy, no redirects, no decompression.
pub(crate) fn client(timeout: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .context("making an HTTP client")
}

/// How long to wait after a failed attempt, the first one being 1, before the request is repeated; none if repeating it changes nothing.
/// A limited rate may name a time, which is kept between 1 s and `longest`.
pub(crate) fn retry_pause(
    status: StatusCode,
    headers: &HeaderMap,
    attempt: u32,
    longest: Duration,
) -> Option<Duration> {
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            let asked = headers
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                .map(Duration::from_secs);
            let pause = asked.unwrap_or_else(|| backoff(attempt, longest));
            Some(pause.clamp(Duration::from_secs(1), longest))
        }
        status if status.is_server_error() => Some(backoff(attempt, longest)),
        _ => None,
    }
}

/// 1, 2, 4 … 64 seconds.
pub(crate) fn backoff(attempt: u32, longest: Duration) -> Duration {
    let seconds = 1_u64 << attempt.saturating_sub(1).min(6);
    Duration::from_secs(seconds).min(longest)
}
