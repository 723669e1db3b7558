//! How many events there are of each kind: `GET /api/v1/events/counts`, for plots.

use time::OffsetDateTime;

use crate::error::ParamError;
use crate::indexed_keys::IndexedKeys;
use crate::parameter::{GivenParameters, Item, Parameter};
use crate::query::{EventQuery, parse_zone};
use crate::render::Renderer;
use crate::statement::{Bind, Statement};
use crate::zone::Zone;

/// A search whose matches are counted in groups. It takes the parameters of a search and `group_by`; those that choose
/// a page are read and have no effect.
#[derive(Debug, Clone)]
pub struct CountQuery {
    matching: EventQuery,
    group_by: Vec<Dimension>,
    /// Where days begin.
    zone: Zone,
}

/// What events are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    BounceClass,
    Campaign,
    Day,
    Hour,
    MailboxProvider,
    Month,
    RecipientDomain,
    SendingDomain,
    Subaccount,
    Template,
    Type,
}

/// More groups than this are refused: nobody can look at them, and they would not fit into an answer.
pub const MAX_GROUPS: u32 = 10_000;

const MAX_DIMENSIONS: usize = 3;

impl CountQuery {
    /// Reads the query string of a request, without the question mark, as [`EventQuery::parse`] does.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(
        query_string: &str,
        now: OffsetDateTime,
        indexed_keys: &IndexedKeys,
    ) -> Result<Self, ParamError> {
        let matching = EventQuery::parse(query_string, now, indexed_keys)?;
        let zone = matching
            .given
            .single(Parameter::Timezone)
            .map_or(Ok(Zone::UTC), parse_zone)?;
        let group_by = parse_group_by(&matching.given)?;
        Ok(Self {
            matching,
            group_by,
            zone,
        })
    }

    /// What is grouped by, in the order that was asked for.
    pub fn group_by(&self) -> &[Dimension] {
        &self.group_by
    }

    /// Refuses more than [`MAX_GROUPS`].
    ///
    /// # Errors
    /// Names `group_by`.
    pub fn accept_groups(count: usize) -> Result<(), ParamError> {
        if u32::try_from(count).is_ok_and(|count| count <= MAX_GROUPS) {
            Ok(())
        } else {
            Err(Self::too_many_groups())
        }
    }

    /// What is said when the groups are too many, by number or by size.
    pub fn too_many_groups() -> ParamError {
        ParamError::new(
            "group_by",
            "makes more groups than fit into an answer, which are 10000 at most; group by less, or narrow the search",
        )
    }

    /// Counts the groups. Yields the columns `keys text[]`, one for each dimension, and `count bigint`: groups by time
    /// in its order, others from the largest down. One more than [`MAX_GROUPS`] means that there are too many.
    pub fn statement(&self) -> Statement {
        let mut sql = Renderer::new("select");
        let groups: Vec<String> = self
            .group_by
            .iter()
            .map(|dimension| self.group(*dimension, &mut sql))
            .collect();
        let keys: Vec<String> = self
            .group_by
            .iter()
            .zip(&groups)
            .map(|(dimension, group)| dimension.key_as_sql(group))
            .collect();
        sql.line(format_args!(
            "  array[{}]::text[] as keys,\n  count(*) as count\nfrom events",
            keys.join(", ")
        ));
        sql.conditions(&self.matching);
        if !groups.is_empty() {
            sql.line(format_args!("group by {}", groups.join(", ")));
        }
        let times = self
            .group_by
            .iter()
            .zip(&groups)
            .filter(|(dimension, _)| dimension.is_time());
        let order: Vec<String> = times
            .map(|(_, group)| group.clone())
            .chain(["count(*) desc".to_owned(), "keys".to_owned()])
            .collect();
        let limit = sql.bind(Bind::BigInt(i64::from(MAX_GROUPS) + 1));
        sql.line(format_args!("order by {}\nlimit {limit}", order.join(", ")));
        sql.finish()
    }

    /// The expression whose values make the groups.
    fn group(&self, dimension: Dimension, sql: &mut Renderer) -> String {
        let mut truncated = |unit: &str| {
            let zone = sql.bind(Bind::Text(self.zone.postgres_name()));
            format!("date_trunc('{unit}', ts at time zone {zone})")
        };
        match dimension {
            Dimension::Hour => truncated("hour"),
            Dimension::Day => truncated("day"),
            Dimension::Month => truncated("month"),
            Dimension::BounceClass => "bounce_class".to_owned(),
            Dimension::Campaign => "campaign_id".to_owned(),
            Dimension::MailboxProvider => "event->>'mailbox_provider'".to_owned(),
            Dimension::RecipientDomain => "recipient_domain".to_owned(),
            Dimension::SendingDomain => "sending_domain".to_owned(),
            Dimension::Subaccount => "subaccount_id".to_owned(),
            Dimension::Template => "template_id".to_owned(),
            Dimension::Type => "type".to_owned(),
        }
    }
}

impl Dimension {
    const ALL: [Self; 11] = [
        Self::BounceClass,
        Self::Campaign,
        Self::Day,
        Self::Hour,
        Self::MailboxProvider,
        Self::Month,
        Self::RecipientDomain,
        Self::SendingDomain,
        Self::Subaccount,
        Self::Template,
        Self::Type,
    ];

    /// The name in `group_by`, and of the member in the answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BounceClass => "bounce_class",
            Self::Campaign => "campaign",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::MailboxProvider => "mailbox_provider",
            Self::Month => "month",
            Self::RecipientDomain => "recipient_domain",
            Self::SendingDomain => "sending_domain",
            Self::Subaccount => "subaccount",
            Self::Template => "template",
            Self::Type => "type",
        }
    }

    const fn is_time(self) -> bool {
        self.time_format().is_some()
    }

    const fn time_format(self) -> Option<&'static str> {
        match self {
            Self::Hour => Some(r#"YYYY-MM-DD"T"HH24:MI"#),
            Self::Day => Some("YYYY-MM-DD"),
            Self::Month => Some("YYYY-MM"),
            Self::BounceClass
            | Self::Campaign
            | Self::MailboxProvider
            | Self::RecipientDomain
            | Self::SendingDomain
            | Self::Subaccount
            | Self::Template
            | Self::Type => None,
        }
    }

    /// The text that stands for a group.
    fn key_as_sql(self, group: &str) -> String {
        match self.time_format() {
            Some(format) => format!("to_char({group}, '{format}')"),
            None => format!("({group})::text"),
        }
    }
}

fn parse_group_by(given: &GivenParameters) -> Result<Vec<Dimension>, ParamError> {
    let mut dimensions = Vec::new();
    for item in given.items(Parameter::GroupBy, given.delimiter()) {
        let dimension = parse_dimension(&item)?;
        if !dimensions.contains(&dimension) {
            dimensions.push(dimension);
        }
        if dimensions.len() > MAX_DIMENSIONS {
            return Err(item.error("must hold at most 3 dimensions"));
        }
    }
    if dimensions.is_empty() {
        let choice = Dimension::ALL.map(Dimension::name).join(", ");
        return Err(ParamError::new(
            "group_by",
            format!("must be given; it is one or more of {choice}"),
        ));
    }
    Ok(dimensions)
}

fn parse_dimension(item: &Item<'_>) -> Result<Dimension, ParamError> {
    Dimension::ALL
        .into_iter()
        .find(|dimension| dimension.name() == item.text)
        .ok_or_else(|| {
            let choice = Dimension::ALL.map(Dimension::name).join(", ");
            item.error(format!("must hold known dimensions only: {choice}"))
        })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn parse(query: &str) -> Result<CountQuery, ParamError> {
        CountQuery::parse(
            query,
            datetime!(2026-11-21 12:00 UTC),
            &IndexedKeys::default(),
        )
    }

    #[test]
    fn dimensions_come_in_the_order_asked_for_and_once() {
        assert_eq!(
            parse("group_by=day,type&group_by=day").unwrap().group_by(),
            [Dimension::Day, Dimension::Type]
        );
    }

    #[test]
    fn wrong_dimensions_name_the_parameter() {
        for query in [
            "",
            "group_by=",
            "group_by=,",
            "group_by=weekday",
            "group_by=type,day,hour,campaign",
        ] {
            assert_eq!(parse(query).unwrap_err().param, "group_by", "{query}");
        }
        assert_eq!(parse("group_by=type&from=x").unwrap_err().param, "from");
    }
}
