//! Whose the lines of app events are that do not say it.
//!
//! The forwarder writes down the call that its destination refused, which has one name of the user, or the event without its batch, which
//! has all names; the archiver writes down the event too. The raw object that a line names has the batch, until the person is taken out
//! of it. So these lines are searched before the raw objects.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
};

use event_model::{
    Pipeline,
    mparticle::{ArchivedMessage, Entry, Item, event_id, for_each_item},
};
use lake_files::record_ranges;

use super::{CALL_USERS, Line, lines_of};
use crate::{
    Names, app,
    app_mention::{Mention, mention_in_part},
    text::{last, members, scalar},
    verdict::is_json,
};

/// Whose the items of lines are, as the raw objects say that the lines are from. Its `Debug` text has none of them.
#[derive(Default)]
pub struct LineOwners {
    /// What is asked, by the key of the raw object.
    sources: BTreeMap<String, Events>,
}

/// Events that are looked for in a raw object.
#[derive(Default)]
struct Events {
    /// By [`content`].
    by_content: HashMap<String, Owner>,
    /// By the id that a call has.
    by_id: HashMap<String, Owner>,
}

/// Whose an event is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Owner {
    /// It was not found.
    #[default]
    Unknown,
    Theirs,
    Others,
    /// It is somebody else's, and is taken out of the raw object with the mentions of the person.
    Mentions,
    /// The same event is the person's and somebody else's.
    Both,
}

/// Which event of which raw object an item is.
pub(super) struct Question {
    source_key: String,
    content: String,
    id: Option<String>,
}

impl LineOwners {
    /// What lines ask. Nothing is answered yet.
    pub fn asked_by(lines: &[u8]) -> Self {
        let mut owners = Self::default();
        for (bytes, _) in lines_of(lines) {
            let text = String::from_utf8_lossy(&lines[bytes]);
            let Some(question) = Question::of(&Line::of(&text)) else {
                continue;
            };
            let events = owners.sources.entry(question.source_key).or_default();
            events.by_content.entry(question.content).or_default();
            if let Some(id) = question.id {
                events.by_id.entry(id).or_default();
            }
        }
        owners
    }

    /// The keys of the raw objects in the bucket that have the answers.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let keys = self.sources.keys().map(String::as_str);
        keys.filter(|key| is_raw(key))
    }

    /// Takes the answers from the expanded bytes of a raw object.
    pub fn read(&mut self, source_key: &str, body: &[u8], person: &impl Names) {
        let Some(events) = self.sources.get_mut(source_key) else {
            return;
        };
        for record in record_ranges(body) {
            let text = String::from_utf8_lossy(&body[record.bytes]);
            let message = serde_json::from_str::<ArchivedMessage<'_>>(&text).ok();
            let sent = message.as_ref().map_or(&*text, |message| &*message.body);
            for_each_item(sent, |part, json| {
                let (of_part, of_events) = owners_in(&part, json, person);
                events.note(&part, json, of_part, &of_events);
            });
        }
    }

    pub(super) fn answer(&self, question: &Question) -> Owner {
        let Some(events) = self.sources.get(&question.source_key) else {
            return Owner::Unknown;
        };
        let by_content = events.by_content.get(&question.content).copied();
        let id = question.id.as_ref();
        let by_id = id.and_then(|id| events.by_id.get(id)).copied();
        by_content
            .unwrap_or_default()
            .and(by_id.unwrap_or_default())
    }
}

/// Whose a part of a body is, and its events that are not as the part is, by their positions.
fn owners_in(part: &Item<'_>, json: &str, person: &impl Names) -> (Owner, Vec<Owner>) {
    if app::is_part_theirs(part, json, person) {
        return (Owner::Theirs, Vec::new());
    }
    if !person.erases_mentions() {
        return (Owner::Others, Vec::new());
    }
    match mention_in_part(part, json, person) {
        Mention::Nowhere => (Owner::Others, Vec::new()),
        Mention::InAll => (Owner::Mentions, Vec::new()),
        Mention::InEvents(marks) => {
            let owner_of = |is_marked: bool| {
                if is_marked {
                    Owner::Mentions
                } else {
                    Owner::Others
                }
            };
            (Owner::Others, marks.into_iter().map(owner_of).collect())
        }
    }
}

impl Events {
    /// Notes whose the part of a body is, if it is looked for, and its events.
    fn note(&mut self, part: &Item<'_>, json: &str, of_part: Owner, of_events: &[Owner]) {
        self.note_content(json, of_part);
        let Item::Batch(batch) = part else { return };
        for (index, entry) in batch.events().enumerate() {
            let owner = of_events.get(index).copied().unwrap_or(of_part);
            match entry {
                Entry::Event(event) => {
                    self.note_content(event.json, owner);
                    if !self.by_id.is_empty()
                        && let Some(noted) = self.by_id.get_mut(&event_id(&event, batch))
                    {
                        *noted = noted.and(owner);
                    }
                }
                Entry::Other(other) => self.note_content(other.json().unwrap_or_default(), owner),
            }
        }
    }

    fn note_content(&mut self, json: &str, owner: Owner) {
        if let Some(noted) = self.by_content.get_mut(content(json)) {
            *noted = noted.and(owner);
        }
    }
}

impl Owner {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, one) | (one, Self::Unknown) => one,
            (one, other) if one == other => one,
            (_, _) => Self::Both,
        }
    }
}

impl fmt::Debug for LineOwners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineOwners")
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

impl Question {
    /// `None` if the item says whose it is, says nothing of anybody, or is no event of a raw object.
    pub(super) fn of(line: &Line<'_>) -> Option<Self> {
        let source_key = line.source_key.as_deref()?;
        let text = String::from_utf8_lossy(line.item.as_deref()?);
        let item = text.trim();
        let is_from_archive = is_raw(source_key) || source_key.contains("://");
        if !is_from_archive || !item.starts_with(['{', '[', '"']) || !is_json(item) {
            return None;
        }
        let mut names_owner = false;
        for_each_item(item, |part, _| names_owner |= app::names_owner(&part));
        let item_content = content(item);
        if names_owner || ["null", "{}", "[]", "\"\""].contains(&item_content) {
            return None;
        }
        let call = members(item);
        let is_call = CALL_USERS
            .iter()
            .chain(&["user"])
            .any(|name| last(&call, name).is_some());
        let id = last(&call, "id").filter(|_| is_call).and_then(scalar);
        Some(Self {
            source_key: source_key.to_owned(),
            content: item_content.to_owned(),
            id: id.map(Cow::into_owned),
        })
    }
}

/// Whether an object of the bucket's archive has this key. Objects of other buckets are named with their bucket.
fn is_raw(key: &str) -> bool {
    let mut prefixes = Pipeline::AppEvents.raw_prefixes().iter();
    prefixes.any(|prefix| key.starts_with(prefix))
}

/// What of an event is in every line about it: its data, or all of it if it has none. The forwarder writes it down again around its data.
fn content(event: &str) -> &str {
    last(&members(event), "data").unwrap_or(event)
}
