//! The stack's own API, as the audit asks it.

use std::io;

use anyhow::{Context as _, Result};
use audit::{API_PATH, Answer, Ask};
use serde_json::Value;

use crate::operator::{api::Api, target::StackTarget};

/// Asks with the key of the scope `query`.
#[derive(Debug)]
pub(super) struct StackApi(Api);

impl StackApi {
    pub(super) async fn of(target: &StackTarget) -> Result<Self> {
        Api::of(target, "query").await.map(Self)
    }
}

impl Ask for StackApi {
    type Error = io::Error;

    async fn ask(&self, body: &Value) -> io::Result<Answer> {
        let asked = async {
            let answer = self.0.post(API_PATH, &[], body).await?;
            let answer = answer.json().await.map_err(reqwest::Error::without_url);
            answer.context("reading the stack's answer")
        };
        // The audit needs an error that is a type.
        asked.await.map_err(io::Error::other)
    }
}
