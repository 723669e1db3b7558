//! What all events of a batch share.

use std::cell::OnceCell;

use event_model::mparticle::{
    Batch, Environment, Event, EventData, Field, Int64, Kind, event_id, text_id,
};

use super::{
    Arrival, Call, EnvironmentName, Note, Operation, RejectReason, SkipReason,
    compiled_config::CompiledConfig,
    data_fields::{DataFields, push_once, says_something},
    draft::{Content, Draft},
    event_time::EventTime,
    name::sent_event_name,
    outcome::NotSent,
    profile::Update,
};
use crate::iterable::{TrackRequest, User, UserUpdate};

/// A batch and the configuration by which its events are mapped.
pub(super) struct BatchContext<'m, 'a> {
    compiled: &'m CompiledConfig,
    batch: &'m Batch<'a>,
    arrival: &'m Arrival,
    /// Why none of the events is sent.
    closed: Option<SkipReason>,
    user: OnceCell<Result<User, NotSent>>,
    user_note: OnceCell<Option<Note>>,
    context: OnceCell<Vec<(&'m str, String)>>,
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
            user_note: OnceCell::new(),
            context: OnceCell::new(),
        }
    }

    /// Why none of the events is sent, if so.
    pub(super) fn closed(&self) -> Option<SkipReason> {
        self.closed
    }

    /// Completes an event's call with the members that all events have.
    pub(super) fn complete(
        &self,
        event: &Event<'a>,
        draft: Draft<'m, 'a>,
    ) -> Result<Call, NotSent> {
        let user = self.user()?;
        let data = event.data();
        let EventTime { ms: at_ms, is_own } = self.time(data)?;
        let Draft {
            content,
            mut fields,
        } = draft;
        let event_name = match &content {
            Content::Event(name) => {
                let sent_name = sent_event_name(name);
                if sent_name != *name {
                    fields.note(Note::changed("event_name"));
                }
                sent_name.into_owned()
            }
            Content::Purchase(_) => "purchase".to_owned(),
        };
        self.add_context(&mut fields, data)?;
        if !is_own && says_something(data.timestamp_unixtime_ms) {
            fields.note(Note::left_out("timestamp_unixtime_ms"));
        }
        let (data_fields, mut notes) = fields.finish();
        if let Content::Purchase(purchase) = &content {
            purchase.add_notes(&mut notes);
        }
        let id = event_id(event, self.batch);
        if is_replaced(&id, data) {
            push_once(&mut notes, Note::changed("source_message_id"));
        }
        let created_at = at_ms.div_euclid(1_000);
        let (operation, json) = match content {
            Content::Event(_) => {
                let request = TrackRequest {
                    user,
                    event_name: &event_name,
                    id: &id,
                    created_at,
                    data_fields,
                };
                (Operation::Track, request.into_json())
            }
            Content::Purchase(purchase) => (
                Operation::Purchase,
                purchase.into_json(user, &id, created_at, data_fields),
            ),
        };
        Ok(Call {
            operation,
            id,
            user: user.clone(),
            event_name,
            at_ms,
            json,
            notes,
        })
    }

    /// The call that updates the user's profile; `None` if there is nothing to update.
    pub(super) fn profile_call(&self, update: Update, at_ms: i64) -> Result<Option<Call>, NotSent> {
        let Some((data_fields, notes)) = update.finish() else {
            return Ok(None);
        };
        let user = self.user()?.clone();
        let json = UserUpdate {
            user: &user,
            data_fields,
        }
        .into_json();
        Ok(Some(Call {
            operation: Operation::Profile,
            id: text_id("profile", &json),
            user,
            event_name: String::new(),
            at_ms,
            json,
            notes,
        }))
    }

    /// The time of the batch.
    pub(super) fn batch_time_ms(&self) -> i64 {
        self.arrival.batch_time_ms(self.batch)
    }

    /// The user of the events.
    fn user(&self) -> Result<&User, NotSent> {
        let user = self
            .user
            .get_or_init(|| self.compiled.config.identity.user_of(self.batch));
        user.as_ref().map_err(Clone::clone)
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
    pub(super) fn time(&self, data: &EventData<'a>) -> Result<EventTime, NotSent> {
        let time = self.arrival.event_time(data, self.batch);
        if self.arrival.is_too_old(time.ms) {
            let age_hours = self.arrival.now_ms.saturating_sub(time.ms) / 3_600_000;
            return Err(RejectReason::TooOld
                .because(format!("{age_hours} hours old"))
                .into());
        }
        Ok(time)
    }

    /// Adds the fields about the event's origin, and the app's own attributes.
    fn add_context(
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
        if let Some(note) = self.user_note.get_or_init(|| self.user_note()) {
            fields.note(note.clone());
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
fn is_replaced(id: &str, data: &EventData<'_>) -> bool {
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
