//! SparkPost's two searches for the same events.

/// The API of a request. Both find the same events; their responses differ in form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The Events API: integers for ids, `links` as an object.
    Events,
    /// The Message Events API, which it replaced in 2019: strings for ids, `links` as a list, numbered pages.
    MessageEvents,
}

impl Dialect {
    /// The path of the search; links begin with it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Events => "/api/v1/events/message",
            Self::MessageEvents => "/api/v1/message-events",
        }
    }
}
