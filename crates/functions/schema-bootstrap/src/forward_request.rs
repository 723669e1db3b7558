//! Forwards one request to the migrator.

use std::time::Duration;

use aws_io::{
    invoke::{InvokeError, invoke},
    secrets::{self, SecretError, VersionStage},
};
use custom_resource::{Request, RequestType, ResponseError};
use lambda_runtime::{Diagnostic, LambdaEvent};
use secrecy::ExposeSecret;
use serde_json::Value;
use tracing::{error, info};

use crate::Deps;

const READ_LIMIT: Duration = Duration::from_secs(5);
/// As long as the timeout of the migrator.
const CALL_LIMIT: Duration = Duration::from_mins(5);

/// The request was not forwarded.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The secret cannot be read.
    #[error("reading the database's master login")]
    Secret(#[from] SecretError),
    /// The secret is not a login. The error text contains none of it.
    #[error("the master secret is not a JSON object with a username and a password")]
    NotALogin,
    /// The event is not a request, or has no response URL.
    #[error("the event is not a request of CloudFormation")]
    NotARequest(#[source] Option<serde_json::Error>),
    /// The migrator cannot be invoked, or failed without a response.
    #[error("forwarding the request to the migrator; see its log")]
    Migrator(#[from] InvokeError),
    /// The response to CloudFormation was not delivered.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

impl From<ForwardError> for Diagnostic {
    fn from(error: ForwardError) -> Self {
        Self {
            error_type: "ForwardError".to_owned(),
            error_message: function_kit::chain(&error).to_string(),
        }
    }
}

/// Forwards a request of CloudFormation to the migrator, which responds to it. If that fails, responds itself.
///
/// # Errors
/// No response was delivered. Lambda tries again.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<(), ForwardError> {
    let result = process(deps, event.payload).await;
    if let Err(error) = &result {
        error!(error = %function_kit::chain(error), "request not forwarded");
    }
    result
}

async fn process(deps: &Deps, event: Value) -> Result<(), ForwardError> {
    let request = Request::decode(&event)
        .map_err(|error| ForwardError::NotARequest(Some(error)))?
        .ok_or(ForwardError::NotARequest(None))?;
    let outcome = match request.request_type {
        RequestType::Create | RequestType::Update => forward(deps, event).await,
        // The data outlives the stack, and the network of the migrator may be deleted in part.
        RequestType::Delete => {
            deps.responder.send(&request, None).await?;
            info!("delete request answered");
            return Ok(());
        }
    };
    if let Err(error) = outcome {
        let reason = function_kit::chain(&error).to_string();
        error!(error = reason, "request not forwarded");
        // If the migrator has responded nevertheless, its response came first and counts.
        deps.responder.send(&request, Some(&reason)).await?;
    }
    Ok(())
}

async fn forward(deps: &Deps, mut event: Value) -> Result<(), ForwardError> {
    let is_login_added = is_of_new_database(&event);
    if is_login_added {
        let login = master_login(deps).await?;
        let members = event
            .as_object_mut()
            .ok_or(ForwardError::NotARequest(None))?;
        members.insert("MasterLogin".to_owned(), login);
    }
    invoke(&deps.lambda, &deps.config.migrator, &event, CALL_LIMIT).await?;
    info!(is_login_added, "request forwarded");
    Ok(())
}

async fn master_login(deps: &Deps) -> Result<Value, ForwardError> {
    let secret = secrets::read(
        &deps.secrets,
        &deps.config.secret_id,
        VersionStage::Current,
        READ_LIMIT,
    )
    .await?
    .ok_or(ForwardError::NotALogin)?;
    let login: Value =
        serde_json::from_str(secret.expose_secret()).map_err(|_| ForwardError::NotALogin)?;
    let is_login = login["username"].is_string() && login["password"].is_string();
    if is_login {
        Ok(login)
    } else {
        Err(ForwardError::NotALogin)
    }
}

/// Whether the database of the request is new, so that it has no roles yet.
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
