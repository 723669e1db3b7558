//! What the events of a batch have in common, and what completes each of them.

use std::cell::OnceCell;

use event_model::mparticle::{Batch, Environment, Event, EventData, Field, Int64, Kind, event_id};

use super::{
    Arrival, Call, EnvironmentName, Note, Operation, RejectReason, SkipReason,
    compiled_config::CompiledConfig,
    data_fields::{DataFields, says_something},
    name::sent_event_name,
    outcome::NotSent,
};
use crate::iterable::{TrackRequest, User};

/// A batch and the configuration that its events are mapped by.
pub(super) struct BatchContext<'m, 'a> {
    pub(super) compiled: &'m CompiledConfig,
    pub(super) batch: &'m Batch<'a>,
    pub(super) arrival: &'m Arrival,
    /// Why none of the events is sent.
    closed: Option<SkipReason>,
    user: OnceCell<Result<User, NotSent>>,
    context: OnceCell<Vec<(&'m str, String)>>,
}

/// An event's name and fields, which differ from type to type.
pub(super) struct Draft<'m> {
    pub(super) event_name: String,
    pub(super) fields: DataFields<'m>,
}

impl<'m, 'a> BatchContext<'m, 'a> {
    pub(super) fn new(
        compiled: &'m CompiledConfig,
        batch: &'m Batch<'a>,
        arrival: &'m Arrival,
    ) -> Self {
        let config = &compiled.config;
        let closed = if !config
            .environments
            .0
            .contains(&environment_name(&batch.environment()))
        {
            Some(SkipReason::Environment)
        } else if config
            .consent
            .as_ref()
            .is_some_and(|consent| !consent.allows(batch))
        {
            Some(SkipReason::NoConsent)
        } else {
            None
        };
        Self {
            compiled,
            batch,
            arrival,
            closed,
            user: OnceCell::new(),
            context: OnceCell::new(),
        }
    }

    /// Why none of the events is sent, if so.
    pub(super) fn closed(&self) -> Option<SkipReason> {
        self.closed
    }

    /// Completes an event with what all events have.
    pub(super) fn event_call(
        &self,
        event: &Event<'a>,
        data: &EventData<'a>,
        draft: Draft<'m>,
    ) -> Result<Call, NotSent> {
        let user = self.user()?;
        let at_ms = self.time_ms(data)?;
        let Draft {
            event_name,
            mut fields,
        } = draft;
        let sent_name = sent_event_name(&event_name);
        if sent_name != event_name {
            fields.note(Note::changed("event_name"));
        }
        let event_name = sent_name.into_owned();
        self.add_context(&mut fields, data)?;
        let id = event_id(event, data, self.batch);
        if is_replaced(&id, data) {
            fields.note(Note::changed("source_message_id"));
        }
        let (data_fields, notes) = fields.finish();
        let request = TrackRequest {
            user,
            event_name: &event_name,
            id: &id,
            created_at: at_ms.div_euclid(1_000),
            data_fields,
        };
        let json = request.into_json();
        Ok(Call {
            operation: Operation::Track,
            id,
            user: user.clone(),
            event_name,
            at_ms,
            json,
            notes,
        })
    }

    /// The user of the events.
    pub(super) fn user(&self) -> Result<&User, NotSent> {
        let user = self
            .user
            .get_or_init(|| self.compiled.config.identity.user_of(self.batch));
        user.as_ref().map_err(Clone::clone)
    }

    /// Whether an event states a time that is not a possible one.
    fn ignores_own_time(&self, data: &EventData<'a>) -> bool {
        says_something(data.timestamp_unixtime_ms)
            && self.arrival.own_time_ms(data, self.batch).is_none()
    }

    /// A note if white space around the user's address was removed.
    fn user_note(&self) -> Option<Note> {
        let Ok(User::Email(email)) = self.user() else {
            return None;
        };
        let identities = self.batch.identities();
        let sent = identities.get("email")?;
        (sent != email && sent.trim() == email).then(|| Note::changed("email"))
    }

    /// When an event happened, unless it is too old.
    pub(super) fn time_ms(&self, data: &EventData<'a>) -> Result<i64, NotSent> {
        let at_ms = self.arrival.event_time_ms(data, self.batch);
        if self.arrival.is_too_old(at_ms) {
            let age_hours = self.arrival.now_ms.saturating_sub(at_ms) / 3_600_000;
            return Err(RejectReason::TooOld
                .because(format!("{age_hours} hours old"))
                .into());
        }
        Ok(at_ms)
    }

    /// Adds the fields about the event's origin, and the app's own attributes.
    pub(super) fn add_context(
        &self,
        fields: &mut DataFields<'m>,
        data: &EventData<'a>,
    ) -> Result<(), NotSent> {
        if let Some(session_uuid) = session_uuid(data) {
            fields.string(self.compiled.context.session_uuid.as_str(), &session_uuid);
        }
        for (name, value) in self.context.get_or_init(|| self.batch_context()) {
            fields.string(*name, value);
        }
        let attributes = data.custom_attributes.entries().map_err(|error| {
            RejectReason::UnreadableAttributes.because(format!("custom_attributes: {error}"))
        })?;
        let config = &self.compiled.config;
        fields.attributes(&config.attributes, &config.context_prefix.0, &attributes);
        if let Some(note) = self.user_note() {
            fields.note(note);
        }
        if self.ignores_own_time(data) {
            fields.note(Note::left_out("timestamp_unixtime_ms"));
        }
        Ok(())
    }

    fn batch_context(&self) -> Vec<(&'m str, String)> {
        let names = &self.compiled.context;
        let environment = match self.batch.environment() {
            Environment::Production => Some("production".to_owned()),
            Environment::Development => Some("development".to_owned()),
            Environment::Other(name) => Some(name.into_owned()),
            Environment::Absent => None,
        };
        let fields = [
            (
                names.platform.as_str(),
                self.batch.platform().map(Into::into),
            ),
            (
                names.application_version.as_str(),
                self.batch.application_version().map(Into::into),
            ),
            (names.environment.as_str(), environment),
            (
                names.mpid.as_str(),
                self.batch.user_mpid().map(|mpid: Int64| mpid.to_string()),
            ),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// Whether the sender's own id was replaced.
pub(super) fn is_replaced(id: &str, data: &EventData<'_>) -> bool {
    id.starts_with("id-") && data.source_message_id.text().is_some()
}

fn environment_name(environment: &Environment<'_>) -> EnvironmentName {
    match environment {
        Environment::Production => EnvironmentName::Production,
        Environment::Development => EnvironmentName::Development,
        Environment::Other(_) => EnvironmentName::Unknown,
        Environment::Absent => EnvironmentName::Absent,
    }
}

/// The session's UUID. The web SDK sends it as `session_id`, where others send a number.
fn session_uuid<'a>(data: &EventData<'a>) -> Option<std::borrow::Cow<'a, str>> {
    let is_uuid = |field: Field<'a>| field.kind() == Kind::String && field.integer().is_none();
    data.session_uuid
        .text()
        .or_else(|| data.session_id.text().filter(|_| is_uuid(data.session_id)))
}
