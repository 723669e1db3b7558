//! Maps webhook bodies by a configuration.

use event_model::mparticle::{Batch, Entry, Event, EventType, Item, for_each_item};

use super::{
    Arrival, Call, ConfigError, EventKind, Mapped, MappingConfig, Outcome, RejectReason, Rejection,
    SkipReason, batch_context::BatchContext, commerce, compiled_config::CompiledConfig, events,
    outcome::NotSent, profile,
};
use crate::iterable::JsonObject;

/// Maps bodies by one configuration.
#[derive(Clone, Debug)]
pub struct Mapper(CompiledConfig);

impl Mapper {
    /// # Errors
    /// When a configured name is not a pattern for its type; never for a configuration from [`MappingConfig::from_json`].
    pub fn new(config: MappingConfig) -> Result<Self, ConfigError> {
        CompiledConfig::new(config).map(Self)
    }

    /// Maps one body. No body makes this fail; unusable events are rejected one by one.
    pub fn map<'a>(&self, body: &'a str, arrival: &Arrival) -> Mapped<'a> {
        let mut mapped = Mapped::default();
        for_each_item(body, |item, _| match item {
            Item::Batch(batch) => self.map_batch(&batch, arrival, &mut mapped),
            Item::Alias => mapped.push(
                EventType::default(),
                Outcome::Skip(SkipReason::AliasRequest),
            ),
            Item::Refused(refusal) => {
                let rejection = Rejection::from(&refusal);
                mapped.push(
                    EventType::default(),
                    Outcome::Reject(rejection, String::new()),
                );
            }
        });
        mapped
    }

    fn map_batch<'a>(&self, batch: &Batch<'a>, arrival: &Arrival, mapped: &mut Mapped<'a>) {
        let context = BatchContext::new(&self.0, batch, arrival);
        for entry in batch.events() {
            let Entry::Event(event) = entry else {
                let rejection =
                    RejectReason::NotAnEvent.because("an element of events is not an object");
                mapped.push(
                    EventType::default(),
                    Outcome::Reject(rejection, String::new()),
                );
                continue;
            };
            if !mapped.has_room() {
                mapped.push_none();
                continue;
            }
            let event_type = event.event_type();
            let outcome = match map_event(&context, event, &event_type) {
                Ok(call) => Outcome::Send(call),
                Err(NotSent::Skip(reason)) => Outcome::Skip(reason),
                Err(NotSent::Reject(rejection)) => {
                    Outcome::Reject(rejection, as_sent(event, &event_type))
                }
            };
            mapped.push(event_type, outcome);
        }
        match map_profile(&context) {
            Some(call) if mapped.has_room() => mapped.push_profile(call),
            Some(_) => mapped.push_none(),
            None => {}
        }
    }
}

/// What is sent for one event.
fn map_event<'a>(
    context: &BatchContext<'_, 'a>,
    event: &Event<'a>,
    event_type: &EventType<'a>,
) -> Result<Call, NotSent> {
    if let Some(reason) = context.closed() {
        return Err(reason.into());
    }
    let kind = match event_type {
        EventType::Commerce => return commerce::map(context, event),
        EventType::UserAttributeChange => return profile::map_change(context, event),
        EventType::ScreenView => EventKind::ScreenView,
        EventType::SessionStart => EventKind::SessionStart,
        EventType::SessionEnd => EventKind::SessionEnd,
        EventType::ApplicationStateTransition => EventKind::ApplicationStateTransition,
        EventType::FirstRun => EventKind::FirstRun,
        EventType::Uninstall => EventKind::Uninstall,
        EventType::OptOut => EventKind::OptOut,
        EventType::Profile => EventKind::Profile,
        EventType::Custom => EventKind::CustomEvent,
        EventType::Breadcrumb
        | EventType::CrashReport
        | EventType::NetworkPerformance
        | EventType::PreAttribution
        | EventType::PushMessage
        | EventType::PushReaction
        | EventType::PushRegistration
        | EventType::UserIdentityChange
        | EventType::ValidationResult => return Err(SkipReason::TypeNotMapped.into()),
        EventType::Other(_) => return Err(SkipReason::UnknownType.into()),
    };
    track(context, event, kind)
}

fn track<'a>(
    context: &BatchContext<'_, 'a>,
    event: &Event<'a>,
    kind: EventKind,
) -> Result<Call, NotSent> {
    if !context.compiled.sends(kind) {
        return Err(SkipReason::TypeOff.into());
    }
    let data = event.data();
    let draft = events::draft(context.compiled, kind, &data)?;
    context.event_call(event, &data, draft)
}

/// The update of the user's profile that the batch itself asks for, when profiles are sent.
fn map_profile(context: &BatchContext<'_, '_>) -> Option<Call> {
    if context.closed().is_some() || !context.compiled.config.profiles {
        return None;
    }
    profile::map_attributes(context)
}

fn as_sent(event: &Event<'_>, event_type: &EventType<'_>) -> String {
    let mut json = JsonObject::default();
    json.text("event_type", event_type.as_str());
    json.json("data", event.data.json().unwrap_or("null"));
    json.finish()
}
