//! Custom events.

use event_model::json::JsonObject;

use super::User;

/// One event of `trackBulk`.
#[derive(Clone, Debug)]
pub struct TrackRequest<'a> {
    /// The user.
    pub user: &'a User,
    /// Its name, by which Iterable's campaigns find it.
    pub event_name: &'a str,
    /// Its id, at most [`MAX_ID_BYTES`](super::MAX_ID_BYTES). An existing event of that id is updated, so sending twice
    /// is safe.
    pub id: &'a str,
    /// When it happened, **seconds** since the Unix epoch.
    pub created_at: i64,
    /// All other fields.
    pub data_fields: JsonObject,
}

impl TrackRequest<'_> {
    /// The event as JSON.
    pub fn into_json(self) -> String {
        let mut object = JsonObject::default();
        self.user.write(&mut object);
        object.text("eventName", self.event_name);
        object.text("id", self.id);
        object.integer("createdAt", self.created_at);
        object.json("dataFields", &self.data_fields.finish());
        object.finish()
    }
}

/// The body of a `trackBulk` request with these events, each as rendered by [`TrackRequest::into_json`].
pub fn track_bulk_body<'a>(events: impl IntoIterator<Item = &'a str>) -> String {
    let mut body = JsonObject::default();
    body.array("events", events);
    body.finish()
}
