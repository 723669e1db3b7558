//! The forwarding configuration as people write it: JSON, checked as a whole before anything is sent.

mod check;
mod event_rules;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use self::event_rules::{EventKind, EventRule, EventRules};
use super::{Coercion, FieldType, ProjectType};

/// The whole mapping. Every field has a default; the default mapping is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MappingConfig {
    /// Which types of events are sent unless `events` has an exception.
    pub scope: Scope,
    /// Exceptions by type of event.
    pub events: EventRules,
    /// How purchases are sent. By default [`PurchaseMode::Off`] in the gap and [`PurchaseMode::Purchase`] otherwise.
    pub purchases: Option<PurchaseMode>,
    /// Whether user attributes are sent as profile updates.
    pub profiles: bool,
    /// Prepended to every event name.
    pub event_name_prefix: String,
    /// Replacements of event names.
    pub rename: BTreeMap<String, String>,
    /// If not empty, only events of these names are sent.
    pub only_names: BTreeSet<String>,
    /// Events of these names are not sent.
    pub except_names: BTreeSet<String>,
    /// Whose events they are.
    pub identity: IdentityConfig,
    /// The environments whose events are sent. By default production, and batches without one.
    pub environments: Environments,
    /// If set, the consent that a user must have given.
    pub consent: Option<ConsentConfig>,
    /// How the app's own attributes are sent.
    pub attributes: AttributeConfig,
    /// Prepended to the fields about the origin of an event: `mp_platform` and so on.
    pub context_prefix: ContextPrefix,
}

/// Which types of events are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those that mParticle's own connection omits, so that both can run side by side.
    #[default]
    Gap,
    /// Those, custom events and purchases: a replacement for mParticle's own connection.
    Everything,
}

/// How purchases are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseMode {
    /// They are not sent.
    Off,
    /// A purchase at the destination.
    Purchase,
    /// An event named `purchase`.
    Event,
}

/// How users are identified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// How the Iterable project identifies users.
    pub project: ProjectType,
    /// The source of `userId`: `mpid`, or a type of identity such as `customer_id`.
    pub user_id_from: String,
    /// How events are treated whose user has no usable name.
    pub without: WithoutIdentity,
}

/// How events are treated whose user has no usable name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutIdentity {
    /// They are skipped.
    #[default]
    Drop,
    /// They are sent for a user named by the mpid: as user id, or as `<mpid>@placeholder.email`.
    Placeholder,
    /// They are rejected, and stored with the other rejected events.
    Reject,
}

/// An environment as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentName {
    /// `production`.
    Production,
    /// `development`.
    Development,
    /// `unknown`, and every other value.
    Unknown,
    /// A batch without an environment.
    Absent,
}

/// A set of environments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Environments(pub BTreeSet<EnvironmentName>);

/// The prefix of context fields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ContextPrefix(pub String);

/// The consent that a user must have given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// The regulation.
    pub regulation: Regulation,
    /// Under the GDPR: the purpose.
    pub purpose: Option<String>,
    /// The treatment of users who were not asked.
    #[serde(default)]
    pub when_unknown: WhenUnknown,
}

/// A regulation about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulation {
    /// Consent is given, by purpose.
    Gdpr,
    /// The opt-out of the sale of data.
    Ccpa,
}

/// The treatment of users who were not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnknown {
    /// Their events are skipped.
    #[default]
    Skip,
    /// Their events are sent.
    Send,
}

/// How the app's own attributes are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeConfig {
    /// How values are read that `types` does not name.
    pub coerce: Coercion,
    /// Types of single attributes.
    pub types: BTreeMap<String, FieldType>,
    /// If not empty, only these are sent.
    pub only: BTreeSet<String>,
    /// These are not sent.
    pub except: BTreeSet<String>,
}

/// An invalid configuration. The text names the field.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON, an unknown field, or a value of the wrong kind.
    #[error("mapping: {path}")]
    Syntax {
        /// The field, dots between levels; `.` is the whole.
        path: String,
        /// The fault.
        source: serde_json::Error,
    },
    /// A value that the field's kind allows and its meaning does not.
    #[error("mapping: {path}: {problem}")]
    Value {
        /// The field, dots between levels.
        path: String,
        /// The fault.
        problem: String,
    },
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            project: ProjectType::default(),
            user_id_from: "customer_id".to_owned(),
            without: WithoutIdentity::default(),
        }
    }
}

impl Default for Environments {
    fn default() -> Self {
        Self(BTreeSet::from([
            EnvironmentName::Production,
            EnvironmentName::Absent,
        ]))
    }
}

impl Default for ContextPrefix {
    fn default() -> Self {
        Self("mp_".to_owned())
    }
}
