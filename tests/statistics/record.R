# What R says of cases.json: Rscript record.R writes r.json. Needs pROC and jsonlite
# (Debian: r-base-core r-cran-proc r-cran-jsonlite).
suppressPackageStartupMessages({
  library(pROC)
  library(jsonlite)
})

cases <- fromJSON("cases.json", simplifyVector = TRUE, simplifyMatrix = FALSE)

curve <- function(truth, score) {
  # Direction and classes are said, so that nothing is turned round.
  roc(truth, score, levels = c(0, 1), direction = "<", quiet = TRUE)
}

area <- function(one) {
  list(
    auc = as.numeric(auc(one)),
    variance = var(one, method = "delong"),
    interval = as.numeric(ci.auc(one, method = "delong")),
    # At specificities of 0.9 and 0.8, by resampling cases of either class together.
    sensitivity = unname(unclass(ci.se(
      one, specificities = c(0.9, 0.8), boot.n = 1000, boot.stratified = FALSE, progress = "none"
    ))[, , drop = FALSE])
  )
}

set.seed(1)
of_roc <- lapply(cases$roc, function(case) {
  one <- curve(case$truth, case$one)
  other <- curve(case$truth, case$other)
  test <- roc.test(one, other, method = "delong", paired = TRUE)
  list(
    one = area(one), other = area(other),
    test = list(
      statistic = unname(test$statistic), p_value = test$p.value,
      covariance = cov(one, other, method = "delong")
    )
  )
})

of_errors <- lapply(cases$errors, function(case) {
  student <- t.test(case$one, case$other, paired = TRUE)
  rank <- suppressWarnings(wilcox.test(case$one, case$other, paired = TRUE))
  list(
    mean = unname(student$estimate), interval = as.numeric(student$conf.int),
    t_test = student$p.value, wilcoxon = rank$p.value
  )
})

of_counts <- lapply(cases$counts, function(count) list(
  exact = as.numeric(binom.test(count[1], count[2])$conf.int)
))

write(toJSON(list(
  versions = list(R = R.version.string, pROC = as.character(packageVersion("pROC"))),
  roc = of_roc, errors = of_errors, counts = of_counts,
  holm = lapply(cases$p_values, function(p) p.adjust(p, "holm"))
), auto_unbox = TRUE, digits = 15), "r.json")
