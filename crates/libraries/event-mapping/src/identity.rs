//! The user of a batch, by the one name that Iterable accepts.

use serde::Deserialize;

use super::{IdentityConfig, RejectReason, SkipReason, WithoutIdentity, outcome::NotSent};
use crate::iterable::{User, UserError};
use event_model::mparticle::Batch;

/// How an Iterable project identifies users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectType {
    /// By user id or address; the id is preferred.
    #[default]
    Hybrid,
    /// By user id.
    UserId,
    /// By address.
    Email,
}

impl IdentityConfig {
    /// The user of a batch. Names that Iterable would refuse, and placeholders, are ignored.
    pub(super) fn user_of(&self, batch: &Batch<'_>) -> Result<User, NotSent> {
        let by_id = || self.user_id(batch);
        let by_email = || match batch.identities().get("email") {
            Some(text) => User::email(text).map_err(|error| format!("email: {error}")),
            None => Err("no email".to_owned()),
        };
        let user = match self.project {
            ProjectType::UserId => by_id(),
            ProjectType::Email => by_email(),
            ProjectType::Hybrid => by_id()
                .or_else(|no_id| by_email().map_err(|no_email| format!("{no_id}; {no_email}"))),
        };
        user.or_else(|problem| self.without_name(batch, problem))
    }

    fn user_id(&self, batch: &Batch<'_>) -> Result<User, String> {
        let kind = self.user_id_from.as_str();
        let read =
            |text: &str| User::user_id(text).map_err(|error: UserError| format!("{kind}: {error}"));
        if kind == "mpid" {
            let mpid = batch.user_mpid().ok_or_else(|| "no mpid".to_owned())?;
            return read(&mpid.to_string());
        }
        match batch.identities().get(kind) {
            Some(text) => read(text),
            None => Err(format!("no {kind}")),
        }
    }

    fn without_name(&self, batch: &Batch<'_>, problem: String) -> Result<User, NotSent> {
        match (self.without, batch.user_mpid()) {
            (WithoutIdentity::Reject, _) => {
                Err(NotSent::Reject(RejectReason::NoIdentity.because(problem)))
            }
            (WithoutIdentity::Placeholder, Some(mpid)) => Ok(match self.project {
                ProjectType::Email => User::Email(format!("{mpid}@placeholder.email")),
                ProjectType::Hybrid | ProjectType::UserId => User::UserId(mpid.to_string()),
            }),
            (WithoutIdentity::Drop, _) | (WithoutIdentity::Placeholder, None) => {
                Err(NotSent::Skip(SkipReason::NoIdentity))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MappingConfig, Rejection};

    fn user(config: &str, batch: &str) -> Result<User, NotSent> {
        let config = MappingConfig::from_json(config).unwrap();
        config
            .identity
            .user_of(&serde_json::from_str(batch).unwrap())
    }

    fn name(config: &str, batch: &str) -> String {
        let user = user(config, batch).unwrap();
        format!("{}={}", user.field(), user.name())
    }

    const BOTH: &str =
        r#"{"mpid":-5,"user_identities":{"customer_id":123456,"email":"ada@example.com"}}"#;

    #[test]
    fn project_type_chooses_the_name() {
        assert_eq!(name("{}", BOTH), "userId=123456");
        assert_eq!(
            name(r#"{"identity":{"project":"user_id"}}"#, BOTH),
            "userId=123456"
        );
        assert_eq!(
            name(r#"{"identity":{"project":"email"}}"#, BOTH),
            "email=ada@example.com"
        );
        assert_eq!(
            name(r#"{"identity":{"user_id_from":"mpid"}}"#, BOTH),
            "userId=-5"
        );
    }

    #[test]
    fn hybrid_takes_the_address_when_there_is_no_usable_id() {
        let long = format!(
            r#"{{"user_identities":{{"customer_id":"{}","email":"a@x.org"}}}}"#,
            "x".repeat(53)
        );

        assert_eq!(name("{}", &long), "email=a@x.org");
        assert_eq!(
            name(
                "{}",
                r#"{"user_identities":{"customer_id":"null","email":"a@x.org"}}"#
            ),
            "email=a@x.org"
        );
    }

    #[test]
    fn address_with_nul_is_no_address() {
        let batch = r#"{"mpid":7,"user_identities":{"email":"\u0000a\u0000@\u0000x\u0000.\u0000o\u0000r\u0000g"}}"#;

        assert!(matches!(
            user("{}", batch),
            Err(NotSent::Skip(SkipReason::NoIdentity))
        ));
    }

    #[test]
    fn nobody_is_dropped_named_or_rejected() {
        let nobody = r#"{"mpid":"-196509116834317511"}"#;
        let reject = user(r#"{"identity":{"without":"reject"}}"#, nobody);

        assert!(matches!(
            user("{}", nobody),
            Err(NotSent::Skip(SkipReason::NoIdentity))
        ));
        assert_eq!(
            name(r#"{"identity":{"without":"placeholder"}}"#, nobody),
            "userId=-196509116834317511"
        );
        assert_eq!(
            name(
                r#"{"identity":{"without":"placeholder","project":"email"}}"#,
                nobody
            ),
            "email=-196509116834317511@placeholder.email"
        );
        assert!(
            matches!(reject, Err(NotSent::Reject(Rejection { detail, .. })) if detail == "no customer_id; no email")
        );
        assert!(matches!(
            user(r#"{"identity":{"without":"placeholder"}}"#, r#"{"mpid":0}"#),
            Err(NotSent::Skip(SkipReason::NoIdentity))
        ));
    }
}
