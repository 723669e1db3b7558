//! Types of events, and exceptions for each.

use serde::Deserialize;

/// The types of events that can be switched and named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// `screen_view`. Its name may contain `{screen_name}`.
    ScreenView,
    /// `session_start`.
    SessionStart,
    /// `session_end`.
    SessionEnd,
    /// `application_state_transition`. Its name may contain `{transition}`.
    ApplicationStateTransition,
    /// `first_run`.
    FirstRun,
    /// `uninstall`.
    Uninstall,
    /// `opt_out`.
    OptOut,
    /// `profile`. A login, logout and so on.
    Profile,
    /// `custom_event`. Its name may contain `{event_name}`.
    CustomEvent,
    /// `commerce_event` other than purchases. Its name may contain `{action}`.
    Commerce,
}

/// Exceptions by type of event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventRules {
    /// `screen_view`. Its name may contain `{screen_name}`.
    pub screen_view: EventRule,
    /// `session_start`.
    pub session_start: EventRule,
    /// `session_end`.
    pub session_end: EventRule,
    /// `application_state_transition`. Its name may contain `{transition}`.
    pub application_state_transition: EventRule,
    /// `first_run`.
    pub first_run: EventRule,
    /// `uninstall`.
    pub uninstall: EventRule,
    /// `opt_out`.
    pub opt_out: EventRule,
    /// `profile`. A login, logout and so on.
    pub profile: EventRule,
    /// `custom_event`. Its name may contain `{event_name}`.
    pub custom_event: EventRule,
    /// `commerce_event` other than purchases. Its name may contain `{action}`.
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
