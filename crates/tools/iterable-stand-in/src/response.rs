//! The response bodies, in Iterable's form.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use crate::{check::Problem, received::Mismatch};

/// A response, and its delay.
#[derive(Debug)]
pub(crate) struct IterableResponse {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) delay: Duration,
}

impl IterableResponse {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            body: body.to_string().into_bytes(),
            retry_after_s: None,
            delay: Duration::ZERO,
        }
    }

    /// `{msg, code, params}`.
    pub(crate) fn error(status: u16, code: &str, msg: &str, params: &Value) -> Self {
        Self::json(
            status,
            &json!({ "msg": msg, "code": code, "params": params }),
        )
    }

    pub(crate) fn problems(path: &str, problems: Vec<Problem>) -> Self {
        let params: Map<String, Value> = problems
            .into_iter()
            .map(|problem| (problem.path, problem.detail.into()))
            .collect();
        Self::error(
            400,
            "BadJsonBody",
            &format!("[{path}] Invalid JSON body"),
            &params.into(),
        )
    }

    pub(crate) fn mismatch(mismatch: &Mismatch) -> Self {
        let error = json!({
            "incomingTypes": [mismatch.incoming],
            "expectedType": mismatch.expected,
            "category": "customEvent",
            "_type": "UnexpectedType",
        });
        let field = format!("project:::{}", mismatch.field);
        let msg = "The request does not have the same data types as the fields of the project";
        let params = json!({ "validationErrors": { field: error } });
        Self::error(400, "RequestFieldsTypesMismatched", msg, &params)
    }
}

/// The users for whom a bulk request failed, by Iterable's name of the list: `notFoundEmails` and so on.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    lists: BTreeMap<String, Vec<String>>,
    pub(crate) disallowed_event_names: Vec<String>,
}

impl Failures {
    /// Adds a user once to the list of a cause: `invalid`, `notFound`, `forgotten`.
    pub(crate) fn name(&mut self, cause: &str, field: &str, name: &str) {
        let ending = if field == "email" {
            "Emails"
        } else {
            "UserIds"
        };
        let list = self.lists.entry(format!("{cause}{ending}")).or_default();
        if !list.iter().any(|other| other == name) {
            list.push(name.to_owned());
        }
    }

    /// The response to a bulk request.
    pub(crate) fn into_response(self, success_count: usize, fail_count: usize) -> IterableResponse {
        let list = |name: &str| self.lists.get(name).cloned().unwrap_or_default();
        let mut failed_updates: Map<String, Value> = Map::new();
        for cause in ["invalid", "notFound", "forgotten"] {
            for ending in ["Emails", "UserIds"] {
                let name = format!("{cause}{ending}");
                failed_updates.insert(name.clone(), list(&name).into());
            }
        }
        IterableResponse::json(
            200,
            &json!({
                "successCount": success_count,
                "failCount": fail_count,
                "createdFields": [],
                "filteredOutFields": [],
                "invalidEmails": list("invalidEmails"),
                "invalidUserIds": list("invalidUserIds"),
                "disallowedEventNames": self.disallowed_event_names,
                "failedUpdates": failed_updates,
            }),
        )
    }
}
