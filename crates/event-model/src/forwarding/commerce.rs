//! Commerce events: actions on products, promotions, impressions.

use std::borrow::Cow;

use super::{
    Call, EventKind, Mapper, Note, PurchaseMode, SkipReason,
    data_fields::{DataFields, write_number, write_text},
    outcome::NotSent,
    purchase,
    subject::{Draft, Subject},
};
use crate::{
    iterable::JsonObject,
    mparticle::{Commerce, Event, EventData, Product, Promotion},
};

/// What the `action` of a purchase is.
const PURCHASE: &str = "purchase";

/// What is to be sent for a commerce event.
pub(super) fn map<'a>(subject: &Subject<'_, 'a>, event: &Event<'a>) -> Result<Call, NotSent> {
    let data = event.data();
    let commerce = Commerce::read(&data);
    let Some(action) = action(&commerce) else {
        return Err(SkipReason::TypeNotMapped.into());
    };
    let mapper = subject.mapper;
    let (sends, as_purchase) = match (action.as_ref(), mapper.purchase_mode()) {
        (PURCHASE, PurchaseMode::Off) => (false, false),
        (PURCHASE, PurchaseMode::Event) => (true, false),
        (PURCHASE, PurchaseMode::Purchase) => (true, true),
        _ => (mapper.sends(EventKind::Commerce), false),
    };
    if !sends {
        return Err(SkipReason::TypeOff.into());
    }
    let mut draft = draft(mapper, &action, &data, &commerce)?;
    if as_purchase {
        match purchase::lines(&commerce) {
            Some(lines) => return purchase::map(subject, event, &data, &commerce, &lines),
            None => draft.fields.note(Note::PurchaseAsEvent),
        }
    }
    subject.event_call(event, &data, draft)
}

/// What was done, in the words that name the event. A product action says more than a promotion, a promotion more than
/// an impression.
fn action<'a>(commerce: &Commerce<'a>) -> Option<Cow<'a, str>> {
    let known = |action: &Cow<'a, str>| action != "unknown";
    if let Some(action) = commerce.product_action.action.text().filter(known) {
        return Some(action);
    }
    if let Some(action) = commerce.promotion_action.action.text().filter(known) {
        return Some(Cow::Owned(format!("promotion_{action}")));
    }
    (!commerce.impressions.is_empty()).then_some(Cow::Borrowed("product_impression"))
}

fn draft<'m>(
    mapper: &'m Mapper,
    action: &str,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) -> Result<Draft<'m>, NotSent> {
    let Some(event_name) = mapper.naming.event_name(EventKind::Commerce, Some(action)) else {
        return Err(SkipReason::NameOff.into());
    };
    let mut fields = DataFields::default();
    if !mapper.naming.tells_value(EventKind::Commerce) {
        fields.string("action", action);
    }
    fields.number("total_amount", commerce.product_action.total_amount);
    add_order(&mut fields, data, commerce);
    fields.array("products", &products(&commerce.products));
    Ok(Draft { event_name, fields })
}

/// Adds what a purchase has beside its items and its sum, and any other action alike.
pub(super) fn add_order(
    fields: &mut DataFields<'_>,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) {
    let action = &commerce.product_action;
    fields.text("transaction_id", action.transaction_id);
    fields.text("currency_code", data.currency_code);
    fields.text("coupon_code", action.coupon_code);
    fields.number("tax_amount", action.tax_amount);
    fields.number("shipping_amount", action.shipping_amount);
    fields.text("affiliation", action.affiliation);
    fields.number("checkout_step", action.checkout_step);
    fields.text("checkout_options", action.checkout_options);
    fields.text("product_list", action.product_action_list);
    fields.text("product_list_source", action.product_list_source);
    fields.text("screen_name", data.screen_name);
    fields.array(
        "promotions",
        &commerce
            .promotions
            .iter()
            .map(promotion_json)
            .collect::<Vec<_>>(),
    );
    fields.array("impressions", &products(&commerce.impressions));
}

fn products(products: &[Product<'_>]) -> Vec<String> {
    products.iter().map(product_json).collect()
}

/// A product in one fixed shape, whatever the app added to it: each new name would be a new field at Iterable.
fn product_json(product: &Product<'_>) -> String {
    let mut object = JsonObject::default();
    write_text(&mut object, "id", product.id());
    write_text(&mut object, "name", product.name);
    write_text(&mut object, "category", product.category);
    write_number(&mut object, "price", product.price);
    write_number(&mut object, "quantity", product.quantity);
    write_number(&mut object, "total_amount", product.total_amount());
    add_description(&mut object, product);
    object.finish()
}

/// Adds what a purchase's item has no own field for.
pub(super) fn add_description(object: &mut JsonObject, product: &Product<'_>) {
    write_text(object, "brand", product.brand);
    write_text(object, "variant", product.variant);
    write_number(object, "position", product.position);
    write_text(object, "coupon_code", product.coupon_code);
}

fn promotion_json(promotion: &Promotion<'_>) -> String {
    let mut object = JsonObject::default();
    write_text(&mut object, "id", promotion.id);
    write_text(&mut object, "name", promotion.name);
    write_text(&mut object, "creative", promotion.creative);
    write_text(&mut object, "position", promotion.position);
    object.finish()
}
