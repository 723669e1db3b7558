//! A request for a custom resource.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requesttypes.html>

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A request, as far as a response needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// What to do with the resource.
    pub request_type: RequestType,
    /// Where the response is sent.
    #[serde(rename = "ResponseURL")]
    pub response_url: ResponseUrl,
    /// The stack, repeated in the response.
    pub stack_id: String,
    /// The request, repeated in the response.
    pub request_id: String,
    /// The resource's name in the template, repeated in the response.
    pub logical_resource_id: String,
    /// The resource's id; `None` while it is being created.
    pub physical_resource_id: Option<String>,
}

/// What to do with a resource.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum RequestType {
    /// Create it.
    Create,
    /// Its properties have changed.
    Update,
    /// Delete it.
    Delete,
}

/// Where the response is sent. Anyone who knows the URL can respond in the function's place, so it is never printed.
pub struct ResponseUrl(reqwest::Url);

impl Request {
    /// Reads the request of an event; `None` for other events.
    ///
    /// # Errors
    /// The event is a request without a member that a response needs.
    pub fn decode(event: &Value) -> Result<Option<Self>, serde_json::Error> {
        if event.get("RequestType").is_none() {
            return Ok(None);
        }
        Self::deserialize(event).map(Some)
    }
}

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
    fn request_is_read_and_its_url_is_not_printed() {
        let request = Request::decode(&create()).unwrap().unwrap();

        assert_eq!(request.request_type, RequestType::Create);
        assert_eq!(request.physical_resource_id, None);
        assert_eq!(
            request.response_url.expose().query(),
            Some("signature=planted")
        );
        assert!(!format!("{request:?}").contains("planted"));
    }

    #[test]
    fn other_events_are_none() {
        for event in [json!({}), json!({"source": "aws.scheduler"}), json!([])] {
            assert!(Request::decode(&event).unwrap().is_none());
        }
    }

    #[test]
    fn request_without_a_usable_url_or_type_is_an_error_that_hides_the_url() {
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
