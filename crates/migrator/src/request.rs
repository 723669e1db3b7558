//! What the function is asked to do.

use std::fmt;

use event_store::Login;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What an event asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// CloudFormation creates, changes or deletes the resource that stands for the schema.
    Stack(StackRequest),
    /// The schedule's turn.
    Maintenance,
}

/// A request for a custom resource.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requesttypes.html>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StackRequest {
    pub(crate) request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    pub(crate) response_url: ResponseUrl,
    pub(crate) stack_id: String,
    pub(crate) request_id: String,
    pub(crate) logical_resource_id: String,
    /// None while the resource is being created.
    pub(crate) physical_resource_id: Option<String>,
    /// Lent by the function `master-login` when the database is new.
    pub(crate) master_login: Option<Box<MasterLogin>>,
}

/// Who may make roles in a new database.
#[derive(Debug, Deserialize)]
pub(crate) struct MasterLogin {
    username: String,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
}

impl MasterLogin {
    pub(crate) fn to_login(&self) -> Login {
        Login::As {
            user: self.username.clone(),
            password: self.password.clone(),
        }
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
}

/// Where the answer goes. Whoever knows the URL can answer in our place, so it has no text.
pub(crate) struct ResponseUrl(reqwest::Url);

impl ResponseUrl {
    pub(crate) fn expose(&self) -> &reqwest::Url {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl")
    }
}

impl<'de> Deserialize<'de> for ResponseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = text
            .parse()
            .map_err(|_| serde::de::Error::custom("ResponseURL is not a URL"))?;
        Ok(Self(url))
    }
}

impl Request {
    /// # Errors
    /// When it is a request of CloudFormation that lacks what is needed to answer it.
    pub(crate) fn decode(event: &Value) -> Result<Self, serde_json::Error> {
        if event.get("RequestType").is_some() {
            StackRequest::deserialize(event).map(Self::Stack)
        } else {
            Ok(Self::Maintenance)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create() -> Value {
        json!({
            "RequestType": "Create",
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:migrator",
            "ResponseURL": "https://bucket.s3.amazonaws.com/planted?signature=planted",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/cistern/guid",
            "RequestId": "r1",
            "ResourceType": "Custom::Migration",
            "LogicalResourceId": "Migration",
            "ResourceProperties": { "ServiceToken": "…", "MigratorVersion": "7" },
        })
    }

    #[test]
    fn request_of_cloudformation_is_read_and_its_url_has_no_text() {
        let request = Request::decode(&create()).unwrap();

        let Request::Stack(stack) = &request else {
            panic!("{request:?}");
        };
        assert_eq!(stack.request_type, RequestType::Create);
        assert_eq!(stack.physical_resource_id, None);
        assert_eq!(
            stack.response_url.expose().query(),
            Some("signature=planted")
        );
        assert!(!format!("{request:?}").contains("planted"));
    }

    #[test]
    fn master_login_is_read_and_its_password_has_no_text() {
        let mut event = create();
        event["MasterLogin"] = json!({ "username": "master", "password": "planted" });

        let request = Request::decode(&event).unwrap();

        assert!(!format!("{request:?}").contains("planted"));
        let Request::Stack(StackRequest {
            master_login: Some(login),
            ..
        }) = request
        else {
            panic!("{request:?}");
        };
        assert!(matches!(login.to_login(), Login::As { user, .. } if user == "master"));
    }

    #[test]
    fn sample_envelopes_are_understood() {
        let decode = |text| Request::decode(&serde_json::from_str(text).unwrap()).unwrap();

        let create = include_str!("../../../events/envelopes/migrator-cloudformation-create.json");
        assert!(matches!(decode(create), Request::Stack(_)));
        let schedule = include_str!("../../../events/envelopes/migrator-schedule.json");
        assert!(matches!(decode(schedule), Request::Maintenance));
    }

    #[test]
    fn anything_else_is_the_schedule() {
        for event in [
            json!({}),
            json!({"source": "aws.scheduler", "detail-type": "Scheduled Event"}),
        ] {
            assert!(matches!(
                Request::decode(&event).unwrap(),
                Request::Maintenance
            ));
        }
    }

    #[test]
    fn request_that_cannot_be_answered_is_an_error_without_the_url() {
        let mut no_url = create();
        no_url["ResponseURL"] = json!("planted");
        let mut unknown = create();
        unknown["RequestType"] = json!("Rename");

        for event in [no_url, unknown] {
            let error = Request::decode(&event).unwrap_err();

            assert!(!format!("{error} {error:?}").contains("planted"));
        }
    }
}
