//! Iterable's response with status 200: how many items were accepted, and which users' items were not.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{FailureCause, RejectReason};

/// The response of `trackBulk` and `bulkUpdate`. Status 200 does not mean success: some or all items may have failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkResponse {
    /// How many items were accepted.
    pub success_count: u64,
    /// How many items were not accepted.
    pub fail_count: u64,
    /// Event names that the project does not accept.
    #[serde(default, deserialize_with = "texts")]
    pub disallowed_event_names: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    invalid_emails: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    invalid_user_ids: Vec<String>,
    #[serde(default, deserialize_with = "failed_users")]
    failed_updates: Vec<FailedUser>,
}

/// A user of whom some items, or all, were not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedUser {
    /// Whether `name` is an address or a user id.
    pub by_email: bool,
    /// The user, as Iterable names them.
    pub name: String,
    /// The reason.
    pub cause: FailureCause,
}

impl BulkResponse {
    /// Parses a response.
    ///
    /// # Errors
    /// When it is not JSON or one of the two counts is missing, so the result of the items is unknown.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The users that failed, each once. The deprecated lists at the top count for users that `failedUpdates` does not
    /// name.
    pub fn failed_users(&self) -> Vec<FailedUser> {
        let mut failed = self.failed_updates.clone();
        let deprecated = [
            (true, &self.invalid_emails),
            (false, &self.invalid_user_ids),
        ];
        for (by_email, names) in deprecated {
            for name in names {
                let user = FailedUser {
                    by_email,
                    name: name.clone(),
                    cause: cause_of("invalid"),
                };
                if !failed
                    .iter()
                    .any(|other| other.by_email == by_email && other.name == *name)
                {
                    failed.push(user);
                }
            }
        }
        failed
    }
}

/// Why a user's items were not accepted, from the name of the list. `trackBulk` creates no users.
fn cause_of(word: &str) -> FailureCause {
    match word {
        "notFound" => FailureCause::UnknownUser,
        "invalid" => {
            FailureCause::rejected(RejectReason::InvalidUser, "the user's name is malformed")
        }
        "forgotten" => FailureCause::rejected(
            RejectReason::ForgottenUser,
            "the user asked to be forgotten",
        ),
        "invalidData" => FailureCause::rejected(RejectReason::Refused, "invalid data"),
        "conflict" => {
            FailureCause::rejected(RejectReason::Refused, "the name belongs to another user")
        }
        undocumented => FailureCause::rejected(RejectReason::Refused, undocumented),
    }
}

/// A list of texts; `null` is an empty one.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `failedUpdates` has a list for each cause and way of naming: `notFoundEmails`, `forgottenUserIds` and so on.
fn failed_users<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FailedUser>, D::Error> {
    let lists: Option<Map<String, Value>> = Option::deserialize(deserializer)?;
    let mut failed: Vec<FailedUser> = Vec::new();
    for (key, list) in lists.unwrap_or_default() {
        let (cause, by_email) = match (key.strip_suffix("Emails"), key.strip_suffix("UserIds")) {
            (Some(cause), _) => (cause, true),
            (_, Some(cause)) => (cause, false),
            _ => continue,
        };
        let Value::Array(names) = list else { continue };
        for name in names {
            let Value::String(name) = name else { continue };
            if !failed
                .iter()
                .any(|other| other.by_email == by_email && other.name == name)
            {
                failed.push(FailedUser {
                    by_email,
                    name,
                    cause: cause_of(cause),
                });
            }
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_with_their_cause_once() {
        let response = BulkResponse::parse(
            br#"{"successCount":1,"failCount":4,"invalidEmails":["x","y"],"invalidUserIds":null,"newField":{},
                "failedUpdates":{"invalidEmails":["x"],"notFoundUserIds":["u1"],"forgottenEmails":["f@x.org"],
                                 "brandNewEmails":["b@x.org"],"somethingElse":["z"]}}"#,
        )
        .unwrap();

        let failed = response.failed_users();

        let reason_of = |name: &str| {
            let user = failed.iter().find(|user| user.name == name)?;
            match &user.cause {
                FailureCause::UnknownUser => Some((RejectReason::UnknownUser, "")),
                FailureCause::Rejected(rejection) => {
                    Some((rejection.reason, rejection.detail.as_str()))
                }
            }
        };
        let invalid = Some((RejectReason::InvalidUser, "the user's name is malformed"));
        assert_eq!(failed.len(), 5);
        assert_eq!(reason_of("x"), invalid);
        assert_eq!(reason_of("y"), invalid);
        assert_eq!(reason_of("u1"), Some((RejectReason::UnknownUser, "")));
        assert_eq!(
            reason_of("f@x.org"),
            Some((
                RejectReason::ForgottenUser,
                "the user asked to be forgotten"
            ))
        );
        assert_eq!(
            reason_of("b@x.org"),
            Some((RejectReason::Refused, "brandNew"))
        );
    }

    #[test]
    fn response_without_counts_is_an_error() {
        for body in [
            &b"{}"[..],
            b"",
            b"{\"successCount\":1",
            b"{\"successCount\":1}",
            b"[]",
            b"<html>",
        ] {
            assert!(BulkResponse::parse(body).is_err());
        }
    }
}
