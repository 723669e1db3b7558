//! The deployed functions, through the Lambda API of the emulator.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_io::LOCAL_KEY;
use serde_json::{Value, json};

use crate::{http, stack::Stack};

/// Longer than any function may run.
const LIMIT: Duration = Duration::from_mins(16);

/// The functions of a stack.
#[derive(Clone, Debug)]
pub(super) struct Functions {
    client: reqwest::Client,
    endpoint: String,
    authorization: String,
    /// The deployed name of each function, by its crate.
    names: BTreeMap<String, String>,
}

impl Functions {
    pub(super) fn of(stack: &Stack) -> Result<Self> {
        let region = &stack.region;
        Ok(Self {
            client: http::client(LIMIT)?,
            endpoint: stack.aws_endpoint_url.clone(),
            // The emulator does not check signatures of its root key, but uses their scope to find the service.
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential={LOCAL_KEY}/20260101/{region}/lambda/aws4_request, SignedHeaders=host, Signature=0"
            ),
            names: stack.functions.clone(),
        })
    }

    /// The deployed name of a crate's function.
    pub(super) fn name(&self, function: &str) -> Result<&str> {
        let name = self.names.get(function);
        name.map(String::as_str)
            .with_context(|| format!("the stack has no function {function}"))
    }

    /// The crate of a deployed function.
    pub(super) fn crate_of(&self, name: &str) -> Option<&str> {
        let mut names = self.names.iter();
        names.find_map(|(function, deployed)| (deployed == name).then_some(function.as_str()))
    }

    /// Changes environment variables: `change` gets the present ones. Sets the timeout too, if one is given.
    pub(super) async fn configure(
        &self,
        function: &str,
        timeout_s: Option<u32>,
        change: impl Fn(&mut Value) -> Result<()>,
    ) -> Result<()> {
        let url = self.url(function, "configuration")?;
        let read = self
            .client
            .get(&url)
            .header("authorization", &self.authorization);
        let read = read
            .send()
            .await
            .context("reading a function's configuration")?;
        let configuration: Value = read
            .json()
            .await
            .context("reading a function's configuration")?;
        let mut variables = configuration["Environment"]["Variables"].clone();
        change(&mut variables)?;
        let mut settings = json!({"Environment": {"Variables": variables}});
        if let Some(timeout_s) = timeout_s {
            settings["Timeout"] = json!(timeout_s);
        }
        let changed = self
            .client
            .put(&url)
            .header("authorization", &self.authorization)
            .json(&settings)
            .send()
            .await
            .with_context(|| format!("configuring {function}"))?;
        ensure!(
            changed.status().is_success(),
            "configuring {function}: {}",
            changed.status()
        );
        Ok(())
    }

    /// Runs a scheduled function once and waits for its end; whether it succeeded.
    pub(super) async fn invoke(&self, function: &str) -> Result<bool> {
        self.invoke_with(function, &json!({})).await
    }

    /// The same with an event.
    pub(super) async fn invoke_with(&self, function: &str, event: &Value) -> Result<bool> {
        let answer = self
            .client
            .post(self.url(function, "invocations")?)
            .header("authorization", &self.authorization)
            .body(event.to_string())
            .send()
            .await
            .with_context(|| format!("invoking {function}"))?;
        Ok(answer.status().is_success() && !answer.headers().contains_key("x-amz-function-error"))
    }

    fn url(&self, function: &str, what: &str) -> Result<String> {
        let name = self.name(function)?;
        Ok(format!(
            "{}/2015-03-31/functions/{name}/{what}",
            self.endpoint
        ))
    }
}
