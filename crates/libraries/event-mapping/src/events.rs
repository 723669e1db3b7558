//! The name and the own fields of events that are neither commerce nor profiles.

use event_model::mparticle::{EventData, EventType, Field};

use super::{
    EventKind, Note, RejectReason, SkipReason,
    attribute_value::is_sanitized,
    compiled_config::CompiledConfig,
    data_fields::DataFields,
    draft::{Content, Draft},
    outcome::NotSent,
};

/// Drafts an event of this type.
pub(super) fn draft<'m, 'a>(
    compiled: &CompiledConfig,
    kind: EventKind,
    data: &EventData<'_>,
) -> Result<Draft<'m, 'a>, NotSent> {
    let named = |event_type| Some(data.name(&event_type)?.0);
    let source = match kind {
        EventKind::ScreenView => named(EventType::ScreenView),
        EventKind::ApplicationStateTransition => Some("application_transition_type"),
        EventKind::CustomEvent => named(EventType::Custom),
        EventKind::SessionStart
        | EventKind::SessionEnd
        | EventKind::FirstRun
        | EventKind::Uninstall
        | EventKind::OptOut
        | EventKind::Profile
        | EventKind::Commerce => None,
    };
    let field = match source {
        Some("application_transition_type") => data.application_transition_type,
        Some("screen_name") => data.screen_name,
        Some(_) => data.event_name,
        None => Field::default(),
    };
    let value = field.text();
    if kind == EventKind::CustomEvent && value.is_none() && compiled.naming.tells_value(kind) {
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
    let Some(event_name) = compiled.naming.event_name(kind, value.as_deref()) else {
        return Err(SkipReason::NameOff.into());
    };

    let mut fields = DataFields::default();
    if let (Some(source), Some(value)) = (source, &value)
        && is_sanitized(value, field)
    {
        fields.note(Note::changed(source));
    }
    match kind {
        EventKind::ScreenView => {
            if let Some(screen_name) = &value {
                fields.string("screen_name", screen_name);
            }
            fields.text("activity_type", data.activity_type);
        }
        EventKind::SessionEnd => fields.number("session_duration_ms", data.session_duration_ms),
        EventKind::ApplicationStateTransition => {
            if !compiled.naming.tells_value(kind) {
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
    Ok(Draft {
        content: Content::Event(event_name),
        fields,
    })
}
