//! One request, handed over.

use std::time::Duration;

use aws_io::{
    functions::{self, InvokeError},
    secrets::{self, SecretError, VersionStage},
};
use custom_resource::{AnswerError, Request, RequestType};
use lambda_runtime::{Diagnostic, LambdaEvent};
use secrecy::ExposeSecret;
use serde_json::Value;
use tracing::{error, info};

use crate::Deps;

const READ_LIMIT: Duration = Duration::from_secs(5);
/// As long as the migrator may take, which is told by its own timeout.
const CALL_LIMIT: Duration = Duration::from_mins(5);

/// Why a request could not be handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The secret cannot be read.
    #[error("reading the database's master login")]
    Secret(#[from] SecretError),
    /// The secret is not a login. The text never holds any of it.
    #[error("the master secret is not a JSON object with a username and a password")]
    NotALogin,
    /// The event is no request, or none that can be answered.
    #[error("the event is not a request of CloudFormation")]
    NotARequest(#[source] Option<serde_json::Error>),
    /// The migrator cannot be called, or failed without an answer.
    #[error("handing the request to the migrator, whose log may tell more")]
    Migrator(#[from] InvokeError),
    /// CloudFormation does not know how it went.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl From<HandoverError> for Diagnostic {
    fn from(error: HandoverError) -> Self {
        Self {
            error_type: "HandoverError".to_owned(),
            error_message: function_kit::chain(&error).to_string(),
        }
    }
}

/// Passes a request of CloudFormation on to the migrator, which answers it, or answers it here.
///
/// # Errors
/// When nobody has answered. Lambda tries again.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<(), HandoverError> {
    let result = settle(deps, event.payload).await;
    if let Err(error) = &result {
        error!(error = %function_kit::chain(error), "request not handed over");
    }
    result
}

async fn settle(deps: &Deps, event: Value) -> Result<(), HandoverError> {
    let request = Request::decode(&event)
        .map_err(|error| HandoverError::NotARequest(Some(error)))?
        .ok_or(HandoverError::NotARequest(None))?;
    let outcome = match request.request_type {
        RequestType::Create | RequestType::Update => hand_over(deps, event).await,
        // The data outlives the stack, and nothing has to be asked of a network that may be half gone.
        RequestType::Delete => {
            deps.answers.send(&request, None).await?;
            info!("request to delete answered");
            return Ok(());
        }
    };
    if let Err(error) = outcome {
        let reason = function_kit::chain(&error).to_string();
        error!(error = reason, "request not handed over");
        // If the migrator has answered after all, that was first and counts.
        deps.answers.send(&request, Some(&reason)).await?;
    }
    Ok(())
}

async fn hand_over(deps: &Deps, mut event: Value) -> Result<(), HandoverError> {
    let lends_login = is_of_new_database(&event);
    if lends_login {
        let login = master_login(deps).await?;
        let members = event
            .as_object_mut()
            .ok_or(HandoverError::NotARequest(None))?;
        members.insert("MasterLogin".to_owned(), login);
    }
    functions::call(&deps.functions, &deps.config.migrator, &event, CALL_LIMIT).await?;
    info!(lends_login, "request handed over");
    Ok(())
}

async fn master_login(deps: &Deps) -> Result<Value, HandoverError> {
    let secret = secrets::read(
        &deps.secrets,
        &deps.config.secret_id,
        VersionStage::Current,
        READ_LIMIT,
    )
    .await?
    .ok_or(HandoverError::NotALogin)?;
    let login: Value =
        serde_json::from_str(secret.expose_secret()).map_err(|_| HandoverError::NotALogin)?;
    let is_login = login["username"].is_string() && login["password"].is_string();
    if is_login {
        Ok(login)
    } else {
        Err(HandoverError::NotALogin)
    }
}

/// Whether the database behind the request has no roles yet.
fn is_of_new_database(request: &Value) -> bool {
    match request["RequestType"].as_str() {
        Some("Create") => true,
        Some("Update") => {
            request["ResourceProperties"]["Database"]
                != request["OldResourceProperties"]["Database"]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_new_database_needs_the_login() {
        let update = |old, new| {
            json!({
                "RequestType": "Update",
                "ResourceProperties": { "Database": new },
                "OldResourceProperties": { "Database": old },
            })
        };

        assert!(is_of_new_database(&json!({ "RequestType": "Create" })));
        assert!(is_of_new_database(&update("db-1", "db-2")));
        assert!(!is_of_new_database(&update("db-1", "db-1")));
        assert!(!is_of_new_database(&json!({ "RequestType": "Delete" })));
        assert!(!is_of_new_database(&json!({})));
    }
}
