//! The secret from which a stack's keys are derived.

use anyhow::{Context, Result};
use aws_io::{Aws, SecretsClient};

use crate::function::Function;
use crate::stack::Stack;

/// The one secret that the stack's functions may read.
pub(crate) struct KeysSecret {
    client: SecretsClient,
    arn: String,
}

impl KeysSecret {
    pub(crate) async fn of(stack: &Stack) -> Result<Self> {
        let authorizer = Function::named(stack, "authorizer")?;
        let environment = authorizer.environment().await?;
        let arn = environment["KEYS_SECRET_ARN"]
            .as_str()
            .context("the secret's ARN")?;
        Ok(Self {
            client: Aws::local(&stack.file.aws_endpoint_url).await.secrets(),
            arn: arn.to_owned(),
        })
    }

    pub(crate) async fn text(&self) -> Result<String> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.arn)
            .send()
            .await?;
        Ok(answer.secret_string().context("a text")?.to_owned())
    }

    pub(crate) async fn replace(&self, text: &str) -> Result<()> {
        self.client
            .put_secret_value()
            .secret_id(&self.arn)
            .secret_string(text)
            .send()
            .await?;
        Ok(())
    }

    /// Makes `original` the current version and the previous one.
    pub(crate) async fn restore(&self, original: &str) -> Result<()> {
        self.replace(original).await?;
        self.replace(original).await
    }
}
