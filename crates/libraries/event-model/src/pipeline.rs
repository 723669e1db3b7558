//! The three pipelines.

/// The type of events: the name of a pipeline everywhere, in code, metrics, object keys, tables and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pipeline {
    /// Events about emails, from `SparkPost`'s webhook and those of other providers: loaded into Postgres, searched, and archived in the lake.
    EmailEvents,
    /// Events of apps, from mParticle's webhook: forwarded to a destination, and archived in the lake.
    AppEvents,
    /// Events of trackers: archived in the lake.
    ProductEvents,
}

impl Pipeline {
    /// Every pipeline.
    pub const ALL: [Self; 3] = [Self::EmailEvents, Self::AppEvents, Self::ProductEvents];

    /// The name: the value of the metrics' dimension, the folder under `rejected/`, and the table in Postgres and in the lake.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmailEvents => "email_events",
            Self::AppEvents => "app_events",
            Self::ProductEvents => "product_events",
        }
    }

    /// The prefix of the raw objects of email events from other senders than SparkPost.
    pub const SENDERS_PREFIX: &'static str = "raw/email/";

    /// The prefixes of its raw objects.
    pub const fn raw_prefixes(self) -> &'static [&'static str] {
        match self {
            Self::EmailEvents => &["raw/sparkpost/", Self::SENDERS_PREFIX],
            Self::AppEvents => &["raw/mparticle/"],
            Self::ProductEvents => &["raw/track/"],
        }
    }

    /// The prefix of the raw objects of its first sender.
    pub const fn raw_prefix(self) -> &'static str {
        match self {
            Self::EmailEvents => "raw/sparkpost/",
            Self::AppEvents => "raw/mparticle/",
            Self::ProductEvents => "raw/track/",
        }
    }

    /// The prefix of what was rejected of it, with a reason.
    pub const fn rejected_prefix(self) -> &'static str {
        match self {
            Self::EmailEvents => "rejected/email_events/",
            Self::AppEvents => "rejected/app_events/",
            Self::ProductEvents => "rejected/product_events/",
        }
    }

    /// The scope of the key that its sender presents.
    pub const fn key_scope(self) -> &'static str {
        match self {
            Self::EmailEvents => "sparkpost",
            Self::AppEvents => "mparticle",
            Self::ProductEvents => "track",
        }
    }

    /// The pipeline of a raw object by its key. Older buckets have product events under other prefixes, so a key of no
    /// other pipeline belongs to product events.
    pub fn of_raw_key(key: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|pipeline| {
                let mut prefixes = pipeline.raw_prefixes().iter();
                prefixes.any(|prefix| key.starts_with(prefix))
            })
            .unwrap_or(Self::ProductEvents)
    }

    /// The pipeline of a table by its name.
    pub fn of_table(table: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|pipeline| pipeline.name() == table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_objects_and_tables_lead_back_to_their_pipeline() {
        for pipeline in Pipeline::ALL {
            assert_eq!(pipeline.raw_prefixes()[0], pipeline.raw_prefix());
            for prefix in pipeline.raw_prefixes() {
                let key = format!("{prefix}dt=2026-01-31/x.gz");
                assert_eq!(Pipeline::of_raw_key(&key), pipeline);
            }
            assert_eq!(Pipeline::of_table(pipeline.name()), Some(pipeline));
            assert_eq!(
                pipeline.rejected_prefix(),
                format!("rejected/{}/", pipeline.name())
            );
        }
        assert_eq!(
            Pipeline::of_raw_key("analytics_raw/2020/01/31/00/x"),
            Pipeline::ProductEvents
        );
        assert_eq!(Pipeline::of_table("events"), None);
    }
}
