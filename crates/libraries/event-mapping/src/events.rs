//! The name and the own fields of events that are neither commerce nor profiles.

use super::{
    EventKind, Mapper, RejectReason, SkipReason, data_fields::DataFields, outcome::NotSent,
    subject::Draft,
};
use event_model::mparticle::{EventData, EventType};

/// Drafts an event of this type.
pub(super) fn draft<'m>(
    mapper: &'m Mapper,
    kind: EventKind,
    data: &EventData<'_>,
) -> Result<Draft<'m>, NotSent> {
    let value = match kind {
        EventKind::ScreenView => data.name(&EventType::ScreenView).map(|(_, name)| name),
        EventKind::ApplicationStateTransition => data.application_transition_type.text(),
        EventKind::CustomEvent => data.name(&EventType::Custom).map(|(_, name)| name),
        EventKind::SessionStart
        | EventKind::SessionEnd
        | EventKind::FirstRun
        | EventKind::Uninstall
        | EventKind::OptOut
        | EventKind::Profile
        | EventKind::Commerce => None,
    };
    if kind == EventKind::CustomEvent && value.is_none() && mapper.naming.tells_value(kind) {
        return Err(RejectReason::NoEventName
            .because("event_name is missing or empty")
            .into());
    }
    let left = data
        .activity_type
        .text()
        .is_some_and(|activity| activity == "activity_stopped");
    if kind == EventKind::ScreenView && left {
        return Err(SkipReason::ActivityStopped.into());
    }
    let Some(event_name) = mapper.naming.event_name(kind, value.as_deref()) else {
        return Err(SkipReason::NameOff.into());
    };

    let mut fields = DataFields::default();
    match kind {
        EventKind::ScreenView => {
            if let Some(screen_name) = &value {
                fields.string("screen_name", screen_name);
            }
            fields.text("activity_type", data.activity_type);
        }
        EventKind::SessionEnd => fields.number("session_duration_ms", data.session_duration_ms),
        EventKind::ApplicationStateTransition => {
            if !mapper.naming.tells_value(kind) {
                fields.text(
                    "application_transition_type",
                    data.application_transition_type,
                );
            }
            fields.boolean("is_first_run", data.is_first_run);
            fields.boolean("is_upgrade", data.is_upgrade);
            fields.text("launch_referral", data.launch_referral);
            fields.boolean("successfully_closed", data.successfully_closed);
        }
        EventKind::OptOut => fields.boolean("is_opted_out", data.is_opted_out),
        EventKind::Profile => fields.text("profile_event_type", data.profile_event_type),
        EventKind::CustomEvent => fields.text("custom_event_type", data.custom_event_type),
        EventKind::SessionStart
        | EventKind::FirstRun
        | EventKind::Uninstall
        | EventKind::Commerce => {}
    }
    Ok(Draft { event_name, fields })
}
