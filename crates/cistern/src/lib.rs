#![doc = include_str!("../README.md")]

pub mod cli;
pub mod stack;

mod checkout;
mod data_dir;
mod down;
mod exec;
mod generate;
mod http;
mod keys;
mod process;
mod progress;
mod send;
mod status;
mod tools;
mod up;
mod webhook;
