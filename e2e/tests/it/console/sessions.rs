//! Sessions that are signed as the console signs them, so that a browser can hold one that has ended.

use anyhow::{Context as _, Result};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

use crate::function::Function;
use crate::stack::Stack;

/// The values of a session's cookie.
#[derive(Debug, Serialize)]
pub(super) struct Sessions {
    /// It began a minute ago: it shows that those that have ended are signed rightly.
    running: String,
    /// Used until now, and older than a session may be.
    old: String,
    /// Not used for longer than a session may lie idle.
    idle: String,
}

impl Sessions {
    pub(super) async fn of(stack: &Stack) -> Result<Self> {
        let environment = Function::named(stack, "console")?.environment().await?;
        let stack_id = environment["STACK_ID"].as_str().context("STACK_ID")?;
        let key = mac(
            stack.file.keys.query.as_bytes(),
            &["console", stack_id].map(str::as_bytes),
        )?;
        let (minute, hour) = (Duration::MINUTE, Duration::HOUR);
        Ok(Self {
            running: cookie(&key, minute, minute)?,
            old: cookie(&key, hour * 8, minute)?,
            idle: cookie(&key, hour * 2, hour)?,
        })
    }
}

/// The cookie of a session that began and was used last so long ago.
fn cookie(key: &[u8], began: Duration, used: Duration) -> Result<String> {
    let now = OffsetDateTime::now_utc();
    let [began, used] = [began, used].map(|ago| (now - ago).unix_timestamp());
    let text = format!("v1.{began}.{used}.{}", "07".repeat(16));
    let signature = mac(key, &["console/session/1", &text].map(str::as_bytes))?;
    Ok(format!("{text}.{}", hex::encode(signature)))
}

/// HMAC-SHA256 of texts, each after its length.
fn mac(key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).context("a key for HMAC")?;
    for part in parts {
        mac.update(&u64::try_from(part.len())?.to_be_bytes());
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().to_vec())
}
