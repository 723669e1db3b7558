//! The requests to the function.

use event_store::Login;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A request to the function.
#[derive(Debug)]
pub(crate) enum Request {
    /// CloudFormation creates, changes or deletes the custom resource of the schema.
    Stack {
        /// The request to respond to.
        request: Box<custom_resource::Request>,
        /// Added by the function `schema-bootstrap` if the database is new.
        master_login: Option<MasterLogin>,
    },
    /// The nightly schedule.
    Maintenance,
}

/// A login that may create roles in a new database.
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

impl Request {
    /// # Errors
    /// When a request of CloudFormation lacks a member that a response needs.
    pub(crate) fn decode(event: &Value) -> Result<Self, serde_json::Error> {
        let Some(request) = custom_resource::Request::decode(event)? else {
            return Ok(Self::Maintenance);
        };
        let login = event.get("MasterLogin");
        Ok(Self::Stack {
            request: Box::new(request),
            master_login: login.map(MasterLogin::deserialize).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn master_login_is_read_and_its_password_has_no_text() {
        let event = json!({
            "RequestType": "Create",
            "ResponseURL": "https://bucket.s3.amazonaws.com/planted?signature=planted",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/cistern/guid",
            "RequestId": "r1",
            "LogicalResourceId": "Migration",
            "MasterLogin": { "username": "master", "password": "planted" },
        });

        let request = Request::decode(&event).unwrap();

        assert!(!format!("{request:?}").contains("planted"));
        let Request::Stack {
            master_login: Some(login),
            ..
        } = request
        else {
            panic!("{request:?}");
        };
        assert!(matches!(login.to_login(), Login::As { user, .. } if user == "master"));
    }

    #[test]
    fn sample_envelopes_are_understood() {
        let decode = |text| Request::decode(&serde_json::from_str(text).unwrap()).unwrap();

        let create =
            include_str!("../../../../events/envelopes/migrator-cloudformation-create.json");
        assert!(matches!(decode(create), Request::Stack { .. }));
        let schedule = include_str!("../../../../events/envelopes/migrator-schedule.json");
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
}
