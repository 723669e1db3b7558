#![doc = include_str!("../README.md")]

pub mod cli;
pub mod stack;

mod checkout;
mod cost;
mod data_dir;
mod down;
mod env;
mod exec;
mod forward;
mod generate;
mod http;
mod keys;
mod place;
mod process;
mod progress;
mod query;
mod replay;
mod send;
mod status;
mod table;
mod tools;
mod up;
mod webhook;
