//! The inputs: what happens in a month, and which parts of the stack are enabled.

use serde::Serialize;

/// A month, and the switches of the template.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// `EnableAnalytics`.
    pub product_events: Option<ProductEvents>,
    /// `EnableEmailEvents`.
    pub email_events: Option<EmailEvents>,
    /// `EnableForwarder`.
    pub app_events: Option<AppEvents>,
    /// How long events are kept, in S3 and in Postgres.
    pub retention_months: f64,
    /// Whether the account's free tier is available for this stack.
    pub free_tier: bool,
}

/// Product events: track to Athena.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProductEvents {
    /// Events per month.
    pub events: f64,
    /// Events per request of a client.
    pub events_per_request: f64,
    /// Bytes of an event as sent.
    pub bytes_per_event: f64,
    /// Where requests arrive.
    pub endpoint: Endpoint,
    /// What the events look like, which decides how small they become.
    pub shape: Shape,
    /// Whether finished months are copied, and queries over a long range use the copies.
    pub close_months: bool,
    /// Their queries.
    pub queries: QueryLoad,
}

/// Where requests of `POST /track` arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// The function's own URL, which costs nothing beside the function.
    FunctionUrl,
    /// An HTTP API with the stack's other routes.
    HttpApi,
    /// A REST API, as the published design has it.
    RestApi,
}

/// The kind of product events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The events of the published generator: one event name, 210 users, a time.
    Article,
    /// A click stream: ten fields, ids of millions of people.
    Click,
}

/// The queries of a month: a third each count the users of a month, one event of a year, the users of a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct QueryLoad {
    /// Queries per month.
    pub queries: f64,
    /// Number of queries with different texts.
    pub different: f64,
    /// For how long Athena may return a stored result; 0 runs every query.
    pub reuse_minutes: f64,
}

/// Email events: webhook to Postgres.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmailEvents {
    /// Events per month.
    pub events: f64,
    /// Events per batch of the provider.
    pub events_per_batch: f64,
    /// Searches per month.
    pub searches: f64,
    /// Where they are stored.
    pub database: Database,
}

/// The Postgres of email events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Database {
    /// RDS in the stack, db.t4g.micro.
    Micro,
    /// RDS in the stack, db.t4g.small.
    Small,
    /// RDS in the stack, db.t4g.medium.
    Medium,
    /// RDS in the stack, db.t4g.large.
    Large,
    /// Your own, by `DatabaseUrl`, which is not priced here.
    Own,
}

/// App events: forwarded to a destination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppEvents {
    /// Events per month.
    pub events: f64,
    /// Events per batch of the provider.
    pub events_per_batch: f64,
    /// Bytes of an event as it is received.
    pub bytes_per_event: f64,
}

impl QueryLoad {
    /// The queries that run; the others are answered with a stored result.
    pub fn executions(&self) -> f64 {
        const MINUTES_A_MONTH: f64 = crate::prices::HOURS_A_MONTH * 60.0;
        if self.reuse_minutes <= 0.0 {
            return self.queries;
        }
        let at_most = self.different * (MINUTES_A_MONTH / self.reuse_minutes).ceil();
        self.queries.min(at_most)
    }
}

impl ProductEvents {
    /// Requests a month.
    pub fn requests(&self) -> f64 {
        (self.events / self.events_per_request.max(1.0)).ceil()
    }
}

impl EmailEvents {
    /// Batches per month.
    pub fn batches(&self) -> f64 {
        (self.events / self.events_per_batch.max(1.0)).ceil()
    }
}

impl AppEvents {
    /// Batches per month.
    pub fn batches(&self) -> f64 {
        (self.events / self.events_per_batch.max(1.0)).ceil()
    }
}

impl Default for EmailEvents {
    fn default() -> Self {
        Self {
            events: 1e6,
            events_per_batch: 350.0,
            searches: 10e3,
            database: Database::Small,
        }
    }
}

impl Default for AppEvents {
    fn default() -> Self {
        Self {
            events: 1e6,
            events_per_batch: 10.0,
            bytes_per_event: 600.0,
        }
    }
}

impl Scenario {
    /// The same switches, and a month in which nothing happens.
    #[must_use]
    pub fn idle(&self) -> Self {
        let mut idle = self.clone();
        if let Some(product) = &mut idle.product_events {
            product.events = 0.0;
            product.queries.queries = 0.0;
        }
        if let Some(email) = &mut idle.email_events {
            email.events = 0.0;
            email.searches = 0.0;
        }
        if let Some(app) = &mut idle.app_events {
            app.events = 0.0;
        }
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article;

    #[test]
    fn stored_results_answer_what_comes_again_in_time() {
        let load = article::query_load();

        assert!((load.executions() - 3.0 * 730.0).abs() < 1e-9);
        let fresh = QueryLoad {
            reuse_minutes: 0.0,
            ..load
        };
        assert!((fresh.executions() - load.queries).abs() < 1e-9);
        let rare = QueryLoad {
            queries: 10.0,
            ..load
        };
        assert!((rare.executions() - 10.0).abs() < 1e-9);
    }
}
