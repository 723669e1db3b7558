//! The parameters that only counts have.

use super::{Dimension, MAX_GROUPS};
use crate::error::ParamError;
use crate::parameter::Parameter;
use crate::query::parse_number;
use crate::raw_params::{Item, RawParam, RawParams};

const MAX_DIMENSIONS: usize = 3;

/// The order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Times in their order, and within them the largest first.
    Default,
    /// The largest first.
    Count,
    /// By what is grouped by.
    Group,
}

pub(super) fn parse_limit(given: &RawParam) -> Result<u32, ParamError> {
    parse_number(given)
        .filter(|limit| (1..=MAX_GROUPS).contains(limit))
        .ok_or_else(|| given.error("must be a whole number from 1 to 10000"))
}

pub(super) fn parse_order(given: &RawParams) -> Result<Order, ParamError> {
    match given.single(Parameter::Order) {
        None => Ok(Order::Default),
        Some(given) => match given.value.as_str() {
            "count" => Ok(Order::Count),
            "group" => Ok(Order::Group),
            _ => Err(given.error("must be count (the largest first) or group")),
        },
    }
}

pub(super) fn parse_word(
    given: &RawParams,
    parameter: Parameter,
    word: &str,
) -> Result<bool, ParamError> {
    match given.single(parameter) {
        None => Ok(false),
        Some(given) if given.value == word => Ok(true),
        Some(given) => Err(given.error(format!("must be {word} if it is given"))),
    }
}

pub(super) fn parse_group_by(given: &RawParams) -> Result<Vec<Dimension>, ParamError> {
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
