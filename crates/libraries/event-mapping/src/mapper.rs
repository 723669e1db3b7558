//! Maps webhook bodies by a configuration.

use super::{
    Arrival, ConfigError, EventKind, Mapped, MappingConfig, Outcome, PurchaseMode, RejectReason,
    Rejection, Scope, SkipReason, name::Naming, outcome::NotSent, subject::Subject,
};
use crate::iterable::JsonObject;
use event_model::mparticle::{Batch, Entry, Event, EventType, Item, for_each_item};

/// A configuration, ready to map bodies with.
#[derive(Clone, Debug)]
pub struct Mapper {
    pub(super) config: MappingConfig,
    pub(super) naming: Naming,
    pub(super) context: ContextNames,
}

/// The names of the fields that tell where an event comes from.
#[derive(Clone, Debug)]
pub(super) struct ContextNames {
    pub(super) session_uuid: String,
    pub(super) platform: String,
    pub(super) application_version: String,
    pub(super) environment: String,
    pub(super) mpid: String,
}

impl Mapper {
    /// # Errors
    /// When a configured name is no pattern for its type; never for a configuration from [`MappingConfig::from_json`].
    pub fn new(config: MappingConfig) -> Result<Self, ConfigError> {
        let prefix = &config.context_prefix.0;
        let context = ContextNames {
            session_uuid: format!("{prefix}session_uuid"),
            platform: format!("{prefix}platform"),
            application_version: format!("{prefix}application_version"),
            environment: format!("{prefix}environment"),
            mpid: format!("{prefix}mpid"),
        };
        Ok(Self {
            naming: Naming::new(&config)?,
            context,
            config,
        })
    }

    /// Maps one body. Nothing in it can make this fail; what cannot be used is rejected, event by event.
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
        let subject = Subject::new(self, batch, arrival);
        for entry in batch.events() {
            let Entry::Event(event) = entry else {
                let rejection =
                    RejectReason::NotAnEvent.because("an element of events is no object");
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
            let outcome = match subject.map_event(event, &event_type) {
                Ok(call) => Outcome::Send(call),
                Err(NotSent::Skip(reason)) => Outcome::Skip(reason),
                Err(NotSent::Reject(rejection)) => {
                    Outcome::Reject(rejection, as_sent(event, &event_type))
                }
            };
            mapped.push(event_type, outcome);
        }
        match subject.map_profile() {
            Some(call) if mapped.has_room() => mapped.push_profile(call),
            Some(_) => mapped.push_none(),
            None => {}
        }
    }

    /// Whether events of this type are sent.
    pub(super) fn sends(&self, kind: EventKind) -> bool {
        let by_default = match kind {
            EventKind::Profile => false,
            EventKind::CustomEvent => self.config.scope == Scope::Everything,
            EventKind::ScreenView
            | EventKind::SessionStart
            | EventKind::SessionEnd
            | EventKind::ApplicationStateTransition
            | EventKind::FirstRun
            | EventKind::Uninstall
            | EventKind::OptOut
            | EventKind::Commerce => true,
        };
        self.config.events.rule(kind).send.unwrap_or(by_default)
    }

    /// What becomes of purchases.
    pub(super) fn purchase_mode(&self) -> PurchaseMode {
        self.config.purchases.unwrap_or(match self.config.scope {
            Scope::Gap => PurchaseMode::Off,
            Scope::Everything => PurchaseMode::Purchase,
        })
    }
}

fn as_sent(event: &Event<'_>, event_type: &EventType<'_>) -> String {
    let mut json = JsonObject::default();
    json.text("event_type", event_type.as_str());
    json.json("data", event.data.json().unwrap_or("null"));
    json.finish()
}
