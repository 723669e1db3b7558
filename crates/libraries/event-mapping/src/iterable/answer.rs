//! What Iterable answers with 200: how many were taken, and whose were not.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The answer of `trackBulk` and `bulkUpdate`. A 200 is no success by itself: some, or all, may have failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkAnswer {
    /// How many items were taken.
    pub success_count: u64,
    /// How many were not.
    pub fail_count: u64,
    /// Names of events that this project does not take.
    #[serde(default, deserialize_with = "texts")]
    pub disallowed_event_names: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    invalid_emails: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    invalid_user_ids: Vec<String>,
    #[serde(default, deserialize_with = "failed_users")]
    failed_updates: Vec<FailedUser>,
}

/// A user whose items, or some of them, were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedUser {
    /// Whether `name` is an address or a user id.
    pub by_email: bool,
    /// The user, as Iterable names them.
    pub name: String,
    /// Why.
    pub cause: FailureCause,
}

/// Why a user's items were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The address or user id is malformed.
    Invalid,
    /// There is no such user. `trackBulk` creates none.
    NotFound,
    /// The user asked to be forgotten.
    Forgotten,
    /// The profile fields do not fit those that are there.
    InvalidData,
    /// The name belongs to another user.
    Conflict,
    /// A cause that is not documented: Iterable's word for it.
    Other(String),
}

impl BulkAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is not JSON or one of the two counts is missing: then nothing is known about the items.
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
                    cause: FailureCause::Invalid,
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

impl FailureCause {
    fn of(word: &str) -> Self {
        match word {
            "invalid" => Self::Invalid,
            "notFound" => Self::NotFound,
            "forgotten" => Self::Forgotten,
            "invalidData" => Self::InvalidData,
            "conflict" => Self::Conflict,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A list of texts; `null` is none.
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
                    cause: FailureCause::of(cause),
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
        let answer = BulkAnswer::parse(
            br#"{"successCount":1,"failCount":4,"invalidEmails":["x","y"],"invalidUserIds":null,"newField":{},
                "failedUpdates":{"invalidEmails":["x"],"notFoundUserIds":["u1"],"forgottenEmails":["f@x.org"],
                                 "brandNewEmails":["b@x.org"],"somethingElse":["z"]}}"#,
        )
        .unwrap();

        let failed = answer.failed_users();

        let cause_of = |name: &str| {
            failed
                .iter()
                .find(|user| user.name == name)
                .map(|user| &user.cause)
        };
        assert_eq!(failed.len(), 5);
        assert_eq!(cause_of("x"), Some(&FailureCause::Invalid));
        assert_eq!(cause_of("y"), Some(&FailureCause::Invalid));
        assert_eq!(cause_of("u1"), Some(&FailureCause::NotFound));
        assert_eq!(cause_of("f@x.org"), Some(&FailureCause::Forgotten));
        assert_eq!(
            cause_of("b@x.org"),
            Some(&FailureCause::Other("brandNew".to_owned()))
        );
    }

    #[test]
    fn answer_without_counts_is_no_answer() {
        for body in [
            &b"{}"[..],
            b"",
            b"{\"successCount\":1",
            b"{\"successCount\":1}",
            b"[]",
            b"<html>",
        ] {
            assert!(BulkAnswer::parse(body).is_err());
        }
    }
}
