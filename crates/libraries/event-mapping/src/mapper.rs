//! Maps webhook bodies by a configuration.

use event_model::mparticle::{Batch, Entry, Event, EventType, Item, for_each_item};

use super::{
    Arrival, Call, ConfigError, EventKind, Mapped, MappingConfig, Outcome, RejectReason, Rejection,
    SkipReason, batch_context::BatchContext, commerce, compiled_config::CompiledConfig, events,
    outcome::NotSent, profile,
};

/// Maps bodies by one configuration.
#[derive(Clone, Debug)]
pub struct Mapper(CompiledConfig);

impl Mapper {
    /// # Errors
    /// When a configured name is not a pattern for its type; never for a configuration from [`MappingConfig::from_json`].
    pub fn new(config: MappingConfig) -> Result<Self, ConfigError> {
        CompiledConfig::new(config).map(Self)
    }

    /// Maps one body. Never fails: unusable events are rejected individually.
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
            let outcome = match self.map_event(&context, &event, &event_type) {
                Ok(call) => Outcome::Send(call),
                Err(NotSent::Skip(reason)) => Outcome::Skip(reason),
                Err(NotSent::Reject(rejection)) => Outcome::Reject(rejection, event.as_sent()),
            };
            mapped.push(event_type, outcome);
        }
        if let Some(call) = self.map_profile(&context, batch) {
            mapped.push_profile(call);
        }
    }

    /// The call for one event.
    fn map_event<'a>(
        &self,
        context: &BatchContext<'_, 'a>,
        event: &Event<'a>,
        event_type: &EventType<'a>,
    ) -> Result<Call, NotSent> {
        if let Some(reason) = context.closed() {
            return Err(reason.into());
        }
        let kind = match event_type {
            EventType::Commerce => EventKind::Commerce,
            EventType::UserAttributeChange => return self.map_change(context, event),
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
        let is_commerce = kind == EventKind::Commerce;
        if !is_commerce && !self.0.sends(kind) {
            return Err(SkipReason::TypeOff.into());
        }
        let data = event.data();
        let draft = if is_commerce {
            commerce::draft(&self.0, data)?
        } else {
            events::draft(&self.0, kind, data)?
        };
        context.complete(event, draft)
    }

    /// The profile update for a change of one attribute.
    fn map_change<'a>(
        &self,
        context: &BatchContext<'_, 'a>,
        event: &Event<'a>,
    ) -> Result<Call, NotSent> {
        if !self.0.config.profiles {
            return Err(SkipReason::TypeOff.into());
        }
        let data = event.data();
        let update = profile::from_change(&self.0.config, data)?;
        let call = context.profile_call(update, context.time(data)?.ms)?;
        call.ok_or_else(|| SkipReason::NameOff.into())
    }

    /// The update of the user's profile by the batch itself, if profiles are sent.
    fn map_profile(&self, context: &BatchContext<'_, '_>, batch: &Batch<'_>) -> Option<Call> {
        if context.closed().is_some() || !self.0.config.profiles {
            return None;
        }
        let update = profile::from_batch(&self.0.config, batch);
        let call = context.profile_call(update, context.batch_time_ms());
        call.ok().flatten()
    }
}
