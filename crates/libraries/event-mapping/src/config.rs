//! What is forwarded and how, as a person writes it down: JSON, checked as a whole before anything is sent.

mod check;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Coercion, FieldType, ProjectType};

/// The whole mapping. Every field has a default; the default mapping is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MappingConfig {
    /// Which types of events are sent unless `events` says otherwise.
    pub scope: Scope,
    /// Exceptions by type of event.
    pub events: EventRules,
    /// What becomes of purchases. By default [`PurchaseMode::Off`] in the gap and [`PurchaseMode::Purchase`] else.
    pub purchases: Option<PurchaseMode>,
    /// Whether user attributes are sent as profile updates.
    pub profiles: bool,
    /// Put in front of every event name.
    pub event_name_prefix: String,
    /// Other names for events, by the name they would have.
    pub rename: BTreeMap<String, String>,
    /// When not empty, only events of these names are sent.
    pub only_names: BTreeSet<String>,
    /// Events of these names are not sent.
    pub except_names: BTreeSet<String>,
    /// Who the events belong to.
    pub identity: IdentityConfig,
    /// The environments whose events are sent. By default production, and batches that do not say.
    pub environments: Environments,
    /// When set, what a user must have agreed to.
    pub consent: Option<ConsentConfig>,
    /// What becomes of the app's own attributes.
    pub attributes: AttributeConfig,
    /// Put before the fields about the origin of an event: `mp_platform` and so on.
    pub context_prefix: ContextPrefix,
}

/// Which types of events are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those that mParticle's own connection leaves out, so that both can run side by side.
    #[default]
    Gap,
    /// Those, custom events and purchases: in place of mParticle's own connection.
    Everything,
}

/// The types of events that can be switched and named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// `screen_view`. Its name may hold `{screen_name}`.
    ScreenView,
    /// `session_start`.
    SessionStart,
    /// `session_end`.
    SessionEnd,
    /// `application_state_transition`. Its name may hold `{transition}`.
    ApplicationStateTransition,
    /// `first_run`.
    FirstRun,
    /// `uninstall`.
    Uninstall,
    /// `opt_out`.
    OptOut,
    /// `profile`. A login, logout and so on.
    Profile,
    /// `custom_event`. Its name may hold `{event_name}`.
    CustomEvent,
    /// `commerce_event` other than purchases. Its name may hold `{action}`.
    Commerce,
}

/// Exceptions by type of event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventRules {
    /// `screen_view`. Its name may hold `{screen_name}`.
    pub screen_view: EventRule,
    /// `session_start`.
    pub session_start: EventRule,
    /// `session_end`.
    pub session_end: EventRule,
    /// `application_state_transition`. Its name may hold `{transition}`.
    pub application_state_transition: EventRule,
    /// `first_run`.
    pub first_run: EventRule,
    /// `uninstall`.
    pub uninstall: EventRule,
    /// `opt_out`.
    pub opt_out: EventRule,
    /// `profile`. A login, logout and so on.
    pub profile: EventRule,
    /// `custom_event`. Its name may hold `{event_name}`.
    pub custom_event: EventRule,
    /// `commerce_event` other than purchases. Its name may hold `{action}`.
    pub commerce: EventRule,
}

/// An exception for a type of event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventRule {
    /// Whether it is sent.
    pub send: Option<bool>,
    /// The name it is sent under.
    pub name: Option<String>,
}

/// What becomes of purchases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseMode {
    /// Nothing.
    Off,
    /// A purchase at the destination.
    Purchase,
    /// An event of the name `purchase`.
    Event,
}

/// Who the events belong to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// How the Iterable project identifies users.
    pub project: ProjectType,
    /// What `userId` is made of: `mpid`, or a type of identity such as `customer_id`.
    pub user_id_from: String,
    /// What becomes of events whose user has no usable name.
    pub without: WithoutIdentity,
}

/// What becomes of events whose user has no usable name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutIdentity {
    /// They are skipped.
    #[default]
    Drop,
    /// They go to a user named by the mpid: as user id, or as `<mpid>@placeholder.email`.
    Placeholder,
    /// They are rejected, and kept with the others that are.
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
    /// `unknown`, and whatever else a batch may say.
    Unknown,
    /// A batch that does not say.
    Absent,
}

/// A set of environments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Environments(pub BTreeSet<EnvironmentName>);

/// The front of the names of context fields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ContextPrefix(pub String);

/// What a user must have agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// The law in question.
    pub regulation: Regulation,
    /// Under the GDPR: the purpose.
    pub purpose: Option<String>,
    /// What holds for a user who was not asked.
    #[serde(default)]
    pub when_unknown: WhenUnknown,
}

/// A law about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulation {
    /// Consent is given, by purpose.
    Gdpr,
    /// Sale of data is opted out of.
    Ccpa,
}

/// What holds for a user who was not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnknown {
    /// Their events are skipped.
    #[default]
    Skip,
    /// Their events are sent.
    Send,
}

/// What becomes of the app's own attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeConfig {
    /// How values are read that `types` does not name.
    pub coerce: Coercion,
    /// Types of single attributes.
    pub types: BTreeMap<String, FieldType>,
    /// When not empty, only these are sent.
    pub only: BTreeSet<String>,
    /// These are not sent.
    pub except: BTreeSet<String>,
}

/// A mapping that cannot be used. The text names the field.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON, an unknown field, or a value of the wrong kind.
    #[error("mapping: {path}")]
    Syntax {
        /// The field, dots between levels; `.` is the whole.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A value that the field's kind allows and its meaning does not.
    #[error("mapping: {path}: {problem}")]
    Value {
        /// The field, dots between levels.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl EventKind {
    /// Every type.
    pub const ALL: [Self; 10] = [
        Self::ScreenView,
        Self::SessionStart,
        Self::SessionEnd,
        Self::ApplicationStateTransition,
        Self::FirstRun,
        Self::Uninstall,
        Self::OptOut,
        Self::Profile,
        Self::CustomEvent,
        Self::Commerce,
    ];
}

impl EventRules {
    /// The exception for a type.
    pub fn rule(&self, kind: EventKind) -> &EventRule {
        match kind {
            EventKind::ScreenView => &self.screen_view,
            EventKind::SessionStart => &self.session_start,
            EventKind::SessionEnd => &self.session_end,
            EventKind::ApplicationStateTransition => &self.application_state_transition,
            EventKind::FirstRun => &self.first_run,
            EventKind::Uninstall => &self.uninstall,
            EventKind::OptOut => &self.opt_out,
            EventKind::Profile => &self.profile,
            EventKind::CustomEvent => &self.custom_event,
            EventKind::Commerce => &self.commerce,
        }
    }
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
