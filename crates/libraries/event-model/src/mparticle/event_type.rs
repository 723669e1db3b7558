//! The kinds of events.

use std::borrow::Cow;

/// The kind of an event, as `event_type` names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventType<'a> {
    /// The app moved between foreground and background, or started or ended.
    ApplicationStateTransition,
    /// A breadcrumb for a later crash report.
    Breadcrumb,
    /// A commerce event: an action on products or promotions, or impressions.
    Commerce,
    /// The app crashed, or reported an error.
    CrashReport,
    /// An event of the app's own.
    Custom,
    /// The first start after an installation.
    FirstRun,
    /// A network request's timing.
    NetworkPerformance,
    /// The user opted out of tracking, or in again.
    OptOut,
    /// Sent before attribution is known.
    PreAttribution,
    /// A sign-up, login, logout, update or deletion of a profile.
    Profile,
    /// A push message was sent, received or acted on.
    PushMessage,
    /// A reaction to a push message; undocumented.
    PushReaction,
    /// A device registered for push messages, or unregistered.
    PushRegistration,
    /// A screen was shown.
    ScreenView,
    /// A session ended.
    SessionEnd,
    /// A session began.
    SessionStart,
    /// The app was removed.
    Uninstall,
    /// An attribute of the user changed.
    UserAttributeChange,
    /// An identity of the user changed.
    UserIdentityChange,
    /// The outcome of a data plan's validation.
    ValidationResult,
    /// Any other type, as sent; empty if the event has none.
    Other(Cow<'a, str>),
}

impl Default for EventType<'_> {
    fn default() -> Self {
        Self::Other(Cow::Borrowed(""))
    }
}

impl<'a> EventType<'a> {
    /// The kind with this name.
    pub fn of(name: Cow<'a, str>) -> Self {
        match name.as_ref() {
            "application_state_transition" => Self::ApplicationStateTransition,
            "breadcrumb" => Self::Breadcrumb,
            "commerce_event" => Self::Commerce,
            "crash_report" => Self::CrashReport,
            "custom_event" => Self::Custom,
            "first_run" => Self::FirstRun,
            "network_performance" => Self::NetworkPerformance,
            "opt_out" => Self::OptOut,
            "pre_attribution" => Self::PreAttribution,
            "profile" => Self::Profile,
            "push_message" => Self::PushMessage,
            "push_reaction" => Self::PushReaction,
            "push_registration" => Self::PushRegistration,
            "screen_view" => Self::ScreenView,
            "session_end" => Self::SessionEnd,
            "session_start" => Self::SessionStart,
            "uninstall" => Self::Uninstall,
            "user_attribute_change" => Self::UserAttributeChange,
            "user_identity_change" => Self::UserIdentityChange,
            "validation_result" => Self::ValidationResult,
            _ => Self::Other(name),
        }
    }

    /// The name in `event_type`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ApplicationStateTransition => "application_state_transition",
            Self::Breadcrumb => "breadcrumb",
            Self::Commerce => "commerce_event",
            Self::CrashReport => "crash_report",
            Self::Custom => "custom_event",
            Self::FirstRun => "first_run",
            Self::NetworkPerformance => "network_performance",
            Self::OptOut => "opt_out",
            Self::PreAttribution => "pre_attribution",
            Self::Profile => "profile",
            Self::PushMessage => "push_message",
            Self::PushReaction => "push_reaction",
            Self::PushRegistration => "push_registration",
            Self::ScreenView => "screen_view",
            Self::SessionEnd => "session_end",
            Self::SessionStart => "session_start",
            Self::Uninstall => "uninstall",
            Self::UserAttributeChange => "user_attribute_change",
            Self::UserIdentityChange => "user_identity_change",
            Self::ValidationResult => "validation_result",
            Self::Other(name) => name,
        }
    }
}
