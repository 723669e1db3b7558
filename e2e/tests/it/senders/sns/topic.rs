//! A topic whose messages are signed here.

use anyhow::Result;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

const HOST: &str = "https://sns.us-east-1.amazonaws.com";

pub(super) struct Topic {
    pub(super) arn: String,
    certificate_path: String,
    key: KeyPair,
}

impl Topic {
    pub(super) fn new(name: &str) -> Result<Self> {
        Ok(Self {
            arn: format!("arn:aws:sns:us-east-1:123456789012:{name}"),
            certificate_path: format!("/SimpleNotificationService-{name}.pem"),
            key: KeyPair::generate_for(&PKCS_RSA_SHA256)?,
        })
    }

    /// In PEM.
    pub(super) fn certificate(&self) -> Result<String> {
        let params = CertificateParams::new(["sns.amazonaws.com".to_owned()])?;
        Ok(params.self_signed(&self.key)?.pem())
    }

    /// Where its messages say that the certificate is.
    pub(super) fn certificate_path(&self) -> &str {
        &self.certificate_path
    }

    pub(super) fn notification(&self, message: &str) -> Result<String> {
        self.notification_at(message, OffsetDateTime::now_utc())
    }

    pub(super) fn notification_at(&self, message: &str, at: OffsetDateTime) -> Result<String> {
        let members = json!({"Type": "Notification", "Message": message});
        let names = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"];
        self.signed(members, &names, at)
    }

    pub(super) fn confirmation(&self) -> Result<String> {
        let arn = &self.arn;
        let members = json!({
            "Type": "SubscriptionConfirmation",
            "Message": format!("You have chosen to subscribe to the topic {arn}."),
            "SubscribeURL": format!("{HOST}/?Action=ConfirmSubscription&TopicArn={arn}&Token=0af"),
            "Token": "0af",
        });
        let names = [
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ];
        self.signed(members, &names, OffsetDateTime::now_utc())
    }

    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>
    fn signed(&self, mut members: Value, names: &[&str], at: OffsetDateTime) -> Result<String> {
        let time = at.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        ))?;
        members["MessageId"] = json!("9d2c5580-b61d-550c-8583-37a582870907");
        members["Timestamp"] = json!(time);
        members["TopicArn"] = json!(self.arn);
        let mut text = String::new();
        for name in names {
            let value = members[name].as_str().unwrap_or_default();
            text.extend([*name, "\n", value, "\n"]);
        }
        let signature = self.key.sign(text.as_bytes())?;
        members["SignatureVersion"] = json!("2");
        members["Signature"] = json!(BASE64_STANDARD.encode(signature));
        members["SigningCertURL"] = json!(format!("{HOST}{}", self.certificate_path));
        Ok(members.to_string())
    }
}
