//! The one kind of HTTP client used here.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// A client that goes where it is told: no proxy, no redirects, no decompression.
pub(crate) fn client(timeout: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .context("making an HTTP client")
}
