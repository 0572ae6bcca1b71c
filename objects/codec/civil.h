/* SPDX-License-Identifier: MIT */
/*
 * Dates of the proleptic Gregorian calendar, and days since 1970-01-01.
 * month is 1 to 12, day from 1.
 */
#pragma once

#include <stdint.h>

int64_t civil_days(int year, int month, int day);
void civil_date(int64_t days, int *year, int *month, int *day);
int civil_days_in(int year, int month);
/* 0: Sunday. */
int civil_weekday(int64_t days);
/* Whole days before t, seconds since 1970-01-01; the rest of it, 0 to 86399, in *second. */
int64_t civil_split(int64_t t, int *second);
